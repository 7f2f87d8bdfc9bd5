-- Walks whole USSD sessions as Africa's Talking sends them: one request after the other, each with all that was dialled
-- so far. Run wrk with as many connections as threads: then a thread has one connection, and its sessions stay in order.
--
-- From the environment:
--   WALK_PATH     where to post
--   WALK_TEXTS    the texts of one session, with | between them
--   WALK_EXPECTS  a Lua pattern for the answer to each of them, with | between them
--   WALK_NAME     what the session ids of this walk begin with: another one for each walk
--   WALK_FIRST    the first phone number of this walk, digits only
--   WALK_NUMBERS  how many numbers each thread has; thread t (from 0) owns the t-th run of them

local function split(list)
  local parts = {}
  for part in (list .. "|"):gmatch("(.-)|") do parts[#parts + 1] = part end
  return parts
end

local texts, expects = split(os.getenv("WALK_TEXTS")), split(os.getenv("WALK_EXPECTS"))
local first, numbers = tonumber(os.getenv("WALK_FIRST")), tonumber(os.getenv("WALK_NUMBERS"))
local name, path = os.getenv("WALK_NAME"), os.getenv("WALK_PATH")
local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }

-- In the main state: number the threads, and at the end add up what they counted.

local threads = {}

function setup(thread)
  thread:set("thread_number", #threads)
  threads[#threads + 1] = thread
end

function done(summary, latency)
  local sessions, bad = 0, 0
  for _, thread in ipairs(threads) do
    sessions, bad = sessions + thread:get("sessions"), bad + thread:get("bad")
  end
  local failed = summary.errors
  print(string.format(
    "RESULT seconds=%.6f requests=%d sessions=%d p50_us=%d p99_us=%d bad=%d errors=%d",
    summary.duration / 1e6, summary.requests, sessions, latency:percentile(50), latency:percentile(99), bad,
    failed.connect + failed.read + failed.write + failed.timeout
  ))
end

-- In the state of each thread.

local step = 1
sessions, bad = 0, 0 -- global, so that the main state can read them

function request()
  local phone = first + thread_number * numbers + sessions % numbers
  local body = string.format(
    "sessionId=%s-%d-%d&serviceCode=%%2A384%%2A96%%23&phoneNumber=%%2B%.0f&networkCode=63902&text=%s",
    name, thread_number, sessions, phone, (texts[step]:gsub("%*", "%%2A"))
  )
  return wrk.format("POST", path, headers, body)
end

function response(status, _, body)
  if status ~= 200 or not body:find(expects[step]) then
    bad = bad + 1
    if bad == 1 then print("BAD " .. status .. " to '" .. texts[step] .. "': " .. body:gsub("\n", " / ")) end
  end
  step = step % #texts + 1
  if step == 1 then sessions = sessions + 1 end
end
