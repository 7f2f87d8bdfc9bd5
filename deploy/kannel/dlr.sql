-- Where Kannel keeps which message a delivery report belongs to, until the report has come.
CREATE TABLE IF NOT EXISTS dlr (
    smsc TEXT,
    ts TEXT,
    source TEXT,
    destination TEXT,
    service TEXT,
    url TEXT,
    mask INTEGER,
    status INTEGER,
    boxc TEXT
);
CREATE INDEX IF NOT EXISTS dlr_message ON dlr (smsc, ts);
