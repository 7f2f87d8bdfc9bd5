// The phone simulator: plays a handset and its network against the callbacks, as Africa's Talking would.
"use strict";

const NETWORK = "63902"; // Safaricom
const DEADLINE = 10_000; // ms; the network ends a session whose application is slower
const LOOK = 2_000; // ms between two looks at the inbox
const TROUBLE = {
  unreachable: "Mlango cannot be reached.\nMlango haupatikani.",
  late: "No answer within 10 s.\nHakuna jibu ndani ya sekunde 10.",
  refused: "Mlango refused this: open the page as /phone?token=…\nMlango umekataa: fungua ukurasa kama /phone?token=…",
  garbled: "The answer was neither CON nor END.\nJibu halikuanza kwa CON wala END.",
};

const el = (id) => document.getElementById(id);
const { serviceCode, shortCode } = document.body.dataset;
const query = new URLSearchParams(location.search);

let session = null; // the open USSD session: { id, code, inputs, began, hops, answer }
let busy = false; // an answer is awaited
let msisdn = el("msisdn").value;
let received = []; // what the service lists for this handset
let sent = []; // what this page sent from it
let known = null; // ids seen before; null until the first look

// --- The network ---------------------------------------------------------------------------------------------------

async function ask(path, options = {}) {
  let reply;
  try {
    reply = await fetch(path, { ...options, signal: AbortSignal.timeout(DEADLINE) });
  } catch (fault) {
    throw new Error(fault.name === "TimeoutError" ? TROUBLE.late : TROUBLE.unreachable);
  }
  if (reply.status === 401 || reply.status === 403) throw new Error(TROUBLE.refused);
  if (reply.status !== 200) throw new Error(`${TROUBLE.unreachable}\n(HTTP ${reply.status})`);
  return reply;
}

function callback(name) {
  const token = query.get("token");
  return `/callbacks/africastalking/${name}` + (token ? `?${new URLSearchParams({ token })}` : "");
}

const post = (name, form) => ask(callback(name), { method: "POST", body: new URLSearchParams(form) });

const randomId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

/** The form that tells the service how `ended` ended. */
function endEvent(ended, status, errorMessage) {
  return {
    date: new Date().toISOString().slice(0, 19).replace("T", " "),
    sessionId: ended.id,
    serviceCode: ended.code,
    networkCode: NETWORK,
    phoneNumber: ended.msisdn,
    status,
    cost: "KES 0.0000",
    durationInMillis: Date.now() - ended.began,
    hopsCount: ended.hops,
    hopsMetadata: "",
    input: ended.inputs.join("*"),
    lastAppResponse: ended.answer,
    ...(errorMessage && { errorMessage }),
  };
}

// --- The handset: USSD ---------------------------------------------------------------------------------------------

/** Septets of GSM 03.38, or null where the text leaves its alphabet. */
function septets(text) {
  const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
  const extension = "\f^{}\\[~]|€";
  let count = 0;
  for (const sign of text) {
    if (basic.includes(sign)) count += 1;
    else if (extension.includes(sign)) count += 2;
    else return null;
  }
  return count;
}

function show(state, text, used = "") {
  document.body.dataset.state = state;
  el("screen").textContent = text;
  el("screen").scrollTop = 0;
  el("used").textContent = used;
  el("line").textContent = session ? session.code : "";
  focusTyped();
}

function focusTyped() {
  if (matchMedia("(pointer: fine)").matches) el("typed").focus(); // on a touch screen this would raise a second keyboard
}

function showAnswer(answer) {
  const count = septets(answer);
  const over = count === null ? answer.length > 70 : count > 160;
  el("used").classList.toggle("over", over);
  show(session ? "open" : "ended", answer.slice(4), count === null ? `${answer.length}/70` : `${count}/160`);
}

/** Opens a session; what follows our service code is its first input, as in *384*96*2*482915633#. */
async function dial(code) {
  if (!/^\*[0-9*]+#$/.test(code)) return el("typed").select();
  const stem = serviceCode.replace(/#$/, "*");
  const deep = code.startsWith(stem) ? code.slice(stem.length, -1) : "";
  session = { id: `ATUid_${randomId()}`, code: deep ? serviceCode : code, msisdn, inputs: deep ? [deep] : [], began: Date.now(), hops: 0, answer: "" };
  await hop();
}

async function hop() {
  const current = session;
  busy = true;
  show("busy", "");
  el("typed").value = "";
  try {
    const reply = await post("ussd", {
      sessionId: current.id,
      phoneNumber: current.msisdn,
      networkCode: NETWORK,
      serviceCode: current.code,
      text: current.inputs.join("*"),
    });
    const answer = await reply.text();
    if (!/^(CON|END) /.test(answer)) throw new Error(TROUBLE.garbled);
    current.hops += 1;
    current.answer = answer;
    if (session !== current) return; // hung up or dropped meanwhile
    if (answer.startsWith("END ")) finish("Success");
    showAnswer(answer);
    look();
  } catch (fault) {
    if (session !== current) return;
    finish("Failed", fault.message.split("\n")[0]);
    show("fault", fault.message);
  } finally {
    if (session === current || session === null) busy = false;
  }
}

/** Closes the open session and tells the service; a service that is away will find out by itself. */
function finish(status, errorMessage) {
  post("ussd-events", endEvent(session, status, errorMessage)).catch(() => {});
  session = null;
  busy = false;
}

function idle() {
  show("idle", "");
  el("typed").value = serviceCode;
}

function hangUp() {
  if (session) finish("Incomplete");
  idle();
}

function drop() {
  if (!session) return;
  finish("Failed", "The line dropped.");
  idle();
  document.body.dataset.state = "lost";
}

el("reply").addEventListener("submit", (event) => {
  event.preventDefault();
  const typed = el("typed").value.trim();
  if (busy) return;
  if (!typed) {
    if (!session) idle();
  } else if (session) {
    session.inputs.push(typed);
    hop();
  } else {
    dial(typed);
  }
});

el("red").addEventListener("click", hangUp);
el("drop").addEventListener("click", drop);

el("keypad").addEventListener("click", (event) => {
  const key = event.target.closest("button");
  if (key) edit(key.value);
});

el("erase").addEventListener("click", () => edit(""));

/** Types `key` where the cursor stands; an empty key erases the sign before it. */
function edit(key) {
  const typed = el("typed");
  const erase = key === "" && typed.selectionStart === typed.selectionEnd;
  typed.setRangeText(key, Math.max(0, typed.selectionStart - (erase ? 1 : 0)), typed.selectionEnd, "end");
  focusTyped();
}

// --- The handset: SMS ----------------------------------------------------------------------------------------------

async function look() {
  const asked = msisdn;
  try {
    const rows = await (await ask(`/phone/messages.json?${new URLSearchParams({ msisdn })}`)).json();
    if (asked !== msisdn) return;
    const fresh = known ? rows.filter((row) => !known.has(row.id)).length : 0;
    const changed = !known || rows.length !== received.length || fresh;
    received = rows;
    known = new Set(rows.map((row) => row.id));
    if (changed) list();
    if (fresh) ring(fresh);
    say("");
  } catch (fault) {
    say(fault.message);
  }
}

function list() {
  const mails = received.map((row, place) => ({ ...row, place, when: new Date(row.sent_at) }));
  mails.push(...sent);
  mails.sort((a, b) => a.place - b.place);
  el("inbox").replaceChildren(...mails.map(bubble));
  el("inbox").scrollTop = el("inbox").scrollHeight;
}

function bubble(mail) {
  const item = document.createElement("li");
  item.className = mail.mine ? "mine" : "";
  const head = document.createElement("small");
  const time = mail.when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  head.textContent = [mail.mine ? `→ ${mail.to}` : mail.from, time, mail.segments > 1 ? `×${mail.segments}` : ""].filter(Boolean).join(" · ");
  const text = document.createElement("p");
  text.textContent = mail.text;
  item.append(head, text);
  return item;
}

function ring(fresh) {
  el("unread-count").textContent = fresh + Number(el("unread-count").textContent);
  el("unread").hidden = false;
}

function readAll() {
  el("unread-count").textContent = "";
  el("unread").hidden = true;
}

function say(sentence) {
  el("trouble").textContent = sentence;
  el("trouble").hidden = !sentence;
}

async function sendSms() {
  const mail = { mine: true, to: el("to").value, text: el("text").value.trim(), when: new Date() };
  if (!mail.text || !el("compose").reportValidity()) return;
  try {
    await look();
    mail.place = received.length - 0.5; // after what has arrived; the service's clock may not be this machine's
    await post("sms", { date: mail.when.toISOString(), from: msisdn, id: randomId(), text: mail.text, to: mail.to, networkCode: NETWORK, cost: "KES 0.0000" });
    el("text").value = "";
    sent.push(mail);
    list();
    say("");
    await look();
  } catch (fault) {
    say(fault.message);
  }
}

el("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  sendSms();
});

el("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  sendSms();
});

function takeHandset() {
  if (!el("handset").reportValidity() || el("msisdn").value === msisdn) return;
  hangUp();
  msisdn = el("msisdn").value;
  [received, sent, known] = [[], [], null];
  readAll();
  list();
  look();
}

el("handset").addEventListener("submit", (event) => event.preventDefault());
el("msisdn").addEventListener("change", takeHandset);
for (const touch of ["pointerenter", "focusin"]) el("sms").addEventListener(touch, readAll);

// --- Start -----------------------------------------------------------------------------------------------------------

addEventListener("pagehide", () => {
  if (session) navigator.sendBeacon(callback("ussd-events"), new URLSearchParams(endEvent(session, "Incomplete")));
});

if (query.has("msisdn")) {
  el("msisdn").value = query.get("msisdn");
  takeHandset();
}
el("to").value = shortCode;
idle();
look();
setInterval(() => document.hidden || look(), LOOK);
