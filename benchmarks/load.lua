-- Sends BENCH_METHOD (with the file BENCH_BODY as a JSON body) and prints one line that load.py reads.
-- Without BENCH_KEYS there is no `request` and no `response` function on purpose: with either, wrk runs Lua for each
-- request. With it each request has a number of its own where the path or the body says %d, and each answer is checked.
wrk.method = os.getenv("BENCH_METHOD") or "GET"

local body = os.getenv("BENCH_BODY")
if body then
  local file = assert(io.open(body, "rb"))
  wrk.body = file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = "application/json"
end

local keys = tonumber(os.getenv("BENCH_KEYS") or 0)
local threads = {}
wrong = 0

function setup(thread)
  table.insert(threads, thread)
end

if keys > 0 then
  local path, text = os.getenv("BENCH_PATH"), wrk.body
  math.randomseed(os.time())

  function request()
    local key = math.random(1, keys)
    return wrk.format(wrk.method, (path:gsub("%%d", key)), nil, text and (text:gsub("%%d", key)))
  end

  function response(status, headers, answer)
    local id = answer:match('"item":%s*(%d+)')
    if status < 400 and (not id or not answer:find('"item ' .. id .. '"', 1, true)) then
      wrong = wrong + 1
    end
  end
end

function done(summary, latency, requests)
  local line = "BENCH requests=%d duration_us=%d connect=%d read=%d write=%d timeout=%d status=%d p50_us=%d p99_us=%d"
  local errors, sum = summary.errors, 0
  for _, thread in ipairs(threads) do
    sum = sum + thread:get("wrong")
  end
  io.write(line:format(summary.requests, summary.duration, errors.connect, errors.read, errors.write,
    errors.timeout, errors.status, latency:percentile(50), latency:percentile(99)), " wrong=", sum, "\n")
end
