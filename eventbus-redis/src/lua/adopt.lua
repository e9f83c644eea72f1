-- Takes over, in its old order, what the former owner of a partition has left: what comes before the first suspect; or that suspect
-- alone, when nothing else of the partition is held.
-- KEYS: stream, queue, leased, body, counts, note of the group. ARGV: group, consumer, lease in ms, how many, where to begin, '1' if the
-- consumer holds nothing of the partition, '1' if a suspect may be taken.
-- Gives where to go on, '-' behind the last one, 'blocked' in front of a suspect or behind it; a list of {id, deliveries, fields}; and a list of what
-- was handed out of the queue.
local now, most = now_ms(), tonumber(ARGV[4])
local holds_nothing, may_suspect = ARGV[6] == '1', ARGV[7] == '1'
if holds_nothing then
  for _, position in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do expire(KEYS[2], KEYS[3], KEYS[5], position) end
end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[5], '+', most)
local all = {}
for _, held in ipairs(pending) do
  -- What the consumer holds was taken over by an earlier step.
  if holds_nothing or held[2] ~= ARGV[2] or held[3] >= tonumber(ARGV[3]) then
    local millis, number = string.match(held[1], '^(%d+)-(%d+)$')
    all[#all + 1] = {position = string.format('%016x-%016x', millis, number), id = held[1], expired = held[4]}
  end
end
for _, position in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], 0, 0, 'LIMIT', 0, most)) do
  local _, _, _, expired = noted(KEYS[5], position)
  all[#all + 1] = {position = position, expired = expired}
end
table.sort(all, function(a, b) return a.position < b.position end)

local claimed, taken, trimmed, next = {}, {}, 0, #pending < most and '-' or '(' .. pending[#pending][1]
for _, one in ipairs(all) do
  local is_suspect = one.expired >= SUSPECT
  if is_suspect and not (holds_nothing and may_suspect) then
    next = 'blocked'
    break
  end
  if one.id then
    local entries = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, one.id)
    if entries[1] then claimed[#claimed + 1] = {one.id, one.expired + 1, entries[1][2]} else trimmed = trimmed + 1 end
  else
    taken[#taken + 1] = hand_out(KEYS[2], KEYS[3], KEYS[4], KEYS[5], one.position, now + ARGV[3])
  end
  if #claimed + #taken > 0 then holds_nothing = false end
  if is_suspect and not holds_nothing then
    next = 'blocked'
    break
  end
end
if trimmed > 0 then redis.call('HINCRBY', KEYS[6], 'trimmed', trimmed) end
return {next, claimed, taken}
