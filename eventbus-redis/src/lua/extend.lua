-- Keeps leases from running out.
-- KEYS: stream, leased, counts. ARGV: group, consumer, lease in ms, then pairs: an id of the stream or a position, and its deliveries.
-- Gives the numbers of the pairs that are lost, and of those whose entries were trimmed: nobody else can get them any more.
local now = now_ms()
local lost, trimmed, number = {}, {}, 0
for i = 4, #ARGV, 2 do
  local of, deliveries = ARGV[i], ARGV[i + 1]
  if string.find(of, '^%d+%-%d+$') then
    local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], of, of, 1, ARGV[2])
    if held.err or #held == 0 or held[1][4] ~= tonumber(deliveries) then
      lost[#lost + 1] = number
    elseif #redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, of, 'JUSTID') == 0 then
      trimmed[#trimmed + 1] = number
    end
  else
    of = string.sub(of, 2)
    if noted(KEYS[3], of) == tonumber(deliveries) and redis.call('ZSCORE', KEYS[2], of) then
      redis.call('ZADD', KEYS[2], 'XX', now + ARGV[3], of)
    else
      lost[#lost + 1] = number
    end
  end
  number = number + 1
end
return {lost, trimmed}
