-- What wrk asks, and how it looks at each answer.
wrk.method = "POST"
wrk.body = '{"a":10,"b":4}'
wrk.headers["Content-Type"] = "application/json"

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init()
  wrong = 0
end

function response(status, headers, body)
  if status ~= 200 or body ~= '{"quotient":2.5}' then wrong = wrong + 1 end
end

function done()
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + thread:get("wrong") end
  io.write("wrong answers: " .. sum .. "\n")
end
