-- Looks after a group: what has come due and what has run out comes again; counts what was trimmed unread.
-- KEYS: stream, queue, leased, wake, note of the group, counts. ARGV: group.
-- Gives in how many ms the next of them is due; -1 if none is.
local now = now_ms()
make_ready(KEYS[2], KEYS[3], KEYS[6], now)
if redis.call('ZCOUNT', KEYS[2], 0, 0) > 0 then wake(KEYS[4]) end

local stream = redis.pcall('XINFO', 'STREAM', KEYS[1])
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if not stream.err and not groups.err then
  stream = pairs_of(stream)
  local added, final = stream['entries-added'], stream['last-generated-id']
  local first = stream['first-entry'] and stream['first-entry'][1] or final
  for _, list in ipairs(groups) do
    local group = pairs_of(list)
    -- An entry that somebody has deleted looks like a trimmed one: then nobody can tell.
    if group['name'] == ARGV[1] and stream['max-deleted-entry-id'] == '0-0' then
      local last, read, before = group['last-delivered-id'], group['entries-read'], nil
      -- How many entries have been before its place, where that can be told: in front of all that are left, and behind them.
      if not is_before(last, final) then before = added elseif is_before(last, first) then before = added - stream['length'] end
      if before and read and before > read then
        -- The server counts what was read only. Uncorrected, it takes what was trimmed for what is left to read.
        redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', before)
        redis.call('HINCRBY', KEYS[5], 'trimmed', before - read)
      elseif before and not read and before < added then
        -- It has begun among the entries: how many of those that went were its own nobody can tell.
        redis.call('HSET', KEYS[5], 'unknown', '1')
      end
    end
  end
end

local next = -1
for _, of in ipairs({{KEYS[2], '(0'}, {KEYS[3], '-inf'}}) do
  local first = redis.call('ZRANGEBYSCORE', of[1], of[2], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then
    local left = math.max(tonumber(first[2]) - now, 0)
    if next < 0 or left < next then next = left end
  end
end
return next
