-- Stands in front of every script.

-- The server's time in ms.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- When something is due that is to come after so many ms: 0 for now.
local function due_after(ms)
  if ms == '0' then return 0 end
  return now_ms() + ms
end

-- Makes ready what has run out, and what has come due.
local function make_ready(back, out, now)
  for _, position in ipairs(redis.call('ZRANGEBYSCORE', out, '-inf', now, 'LIMIT', 0, 512)) do
    redis.call('ZREM', out, position)
    redis.call('ZADD', back, 0, position)
  end
  for _, position in ipairs(redis.call('ZRANGEBYSCORE', back, '(0', now, 'LIMIT', 0, 512)) do
    redis.call('ZADD', back, 0, position)
  end
end

-- Wakes a reader that waits.
local function wake(key)
  redis.call('XADD', key, 'MAXLEN', 8, '*', 'w', '1')
end
