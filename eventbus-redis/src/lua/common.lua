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

-- A message that was handed out so often without an end may be what ends the processes that handle it: a suspect.
local SUSPECT = 2

-- Of a position in a redelivery queue: deliveries, failed attempts, how many deliveries were given back untried, how many ran out.
local function noted(counts, position)
  local text = redis.call('HGET', counts, position) or ''
  local deliveries, attempts, untried, expired = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
  return tonumber(deliveries) or 0, tonumber(attempts) or 0, tonumber(untried) or 0, tonumber(expired) or 0
end

local function note(counts, position, ...)
  redis.call('HSET', counts, position, table.concat({...}, ' '))
end

-- Puts a position back into the queue whose lease has ended by itself.
local function expire(queue, leased, counts, position)
  redis.call('ZREM', leased, position)
  redis.call('ZADD', queue, 0, position)
  local deliveries, attempts, untried, expired = noted(counts, position)
  note(counts, position, deliveries, attempts, untried, expired + 1)
end

-- Makes ready what has run out, and what has come due.
local function make_ready(queue, leased, counts, now)
  for _, position in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', now, 'LIMIT', 0, 512)) do
    expire(queue, leased, counts, position)
  end
  for _, position in ipairs(redis.call('ZRANGEBYSCORE', queue, '(0', now, 'LIMIT', 0, 512)) do
    redis.call('ZADD', queue, 0, position)
  end
end

-- Leases a position to a reader until a time. Gives {position, deliveries, attempts, untried, expired, fields}; nothing if its fields
-- are gone.
local function hand_out(queue, leased, body, counts, position, until_ms)
  redis.call('ZREM', queue, position)
  local fields = redis.call('HGET', body, position)
  if not fields then
    redis.call('HDEL', counts, position)
    return nil
  end
  local deliveries, attempts, untried, expired = noted(counts, position)
  note(counts, position, deliveries + 1, attempts, untried, expired)
  redis.call('ZADD', leased, until_ms, position)
  return {position, deliveries + 1, attempts, untried, expired, cmsgpack.unpack(fields)}
end

-- A list of keys and values as a map.
local function pairs_of(list)
  local map = {}
  for i = 1, #list, 2 do map[list[i]] = list[i + 1] end
  return map
end

-- Whether an entry's id comes before another one.
local function is_before(one, other)
  local millis, number = string.match(one, '^(%d+)-(%d+)$')
  local other_millis, other_number = string.match(other, '^(%d+)-(%d+)$')
  millis, other_millis = tonumber(millis), tonumber(other_millis)
  return millis < other_millis or millis == other_millis and tonumber(number) < tonumber(other_number)
end

-- Wakes a reader that waits.
local function wake(key)
  redis.call('XADD', key, 'MAXLEN', 8, '*', 'w', '1')
end
