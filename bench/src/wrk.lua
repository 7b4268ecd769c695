-- Prints one line of JSON when the run has ended. Times are microseconds.
local pause = tonumber(os.getenv("BENCH_PAUSE_MS") or "0")

-- wrk waits this long before each request of a connection; it is looked up once, so only when it is wanted.
if pause > 0 then
  function delay()
    return pause
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"maxUs":%d,"badStatus":%d,"socketErrors":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
