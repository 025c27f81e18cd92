-- Sends BENCH_METHOD (with the file BENCH_BODY as a JSON body) and prints one line that load.py reads.
-- There is no `request` and no `response` function on purpose: with either, wrk runs Lua for each request.
wrk.method = os.getenv("BENCH_METHOD") or "GET"

local path = os.getenv("BENCH_BODY")
if path then
  local file = assert(io.open(path, "rb"))
  wrk.body = file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = "application/json"
end

function done(summary, latency, requests)
  local line = "BENCH requests=%d duration_us=%d connect=%d read=%d write=%d timeout=%d status=%d p50_us=%d p99_us=%d\n"
  local errors = summary.errors
  io.write(line:format(summary.requests, summary.duration, errors.connect, errors.read, errors.write,
    errors.timeout, errors.status, latency:percentile(50), latency:percentile(99)))
end
