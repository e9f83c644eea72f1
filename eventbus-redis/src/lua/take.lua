-- Hands out what comes again, of suspects one at most.
-- KEYS: queue, leased, body, counts, wake. ARGV: group, how many, lease in ms, '1' if a suspect may be taken, then the wake entries that
-- were read.
-- Gives a list of what was handed out, and 1 if a suspect was left.
local now, most = now_ms(), tonumber(ARGV[2])
if #ARGV > 4 then
  redis.pcall('XACK', KEYS[5], ARGV[1], unpack(ARGV, 5))
  redis.call('XDEL', KEYS[5], unpack(ARGV, 5))
end
make_ready(KEYS[1], KEYS[2], KEYS[4], now)
local may_suspect, taken, left = ARGV[4] == '1', {}, 0
while #taken < most do
  -- In front of these are suspects that stay.
  local ready = redis.call('ZRANGEBYSCORE', KEYS[1], 0, 0, 'LIMIT', left, most - #taken)
  for _, position in ipairs(ready) do
    local _, _, _, expired = noted(KEYS[4], position)
    local is_suspect = expired >= SUSPECT
    if is_suspect and not may_suspect then
      left = left + 1
    else
      local one = hand_out(KEYS[1], KEYS[2], KEYS[3], KEYS[4], position, now + ARGV[3])
      if one then
        taken[#taken + 1] = one
        if is_suspect then may_suspect = false end
      end
    end
  end
  if #ready == 0 then break end
end
if redis.call('ZCOUNT', KEYS[1], 0, 0) > left then wake(KEYS[5]) end
return {taken, math.min(left, 1)}
