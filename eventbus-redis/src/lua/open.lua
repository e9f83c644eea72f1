-- Opens a group: makes it where it is not there, and notes where it begins.
-- KEYS: stream, wake, note of the group, mark of its removal. ARGV: group, start, whether it is to be made again ('1') or opened ('0').
-- Gives 'made', 'there' or 'removed', the noted start, and the last entry that was handed out.
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[4]) == 1 then return {'removed', '', ''} end
redis.call('DEL', KEYS[4])
local function create(key, start, ...)
  local made = redis.pcall('XGROUP', 'CREATE', key, ARGV[1], start, 'MKSTREAM', ...)
  if not made.err then return true end
  if string.find(made.err, 'BUSYGROUP', 1, true) then return false end
  error(made.err, 0)
end
local start = ARGV[2]
if ARGV[3] == '1' then start = redis.call('HGET', KEYS[3], 'start') or start end
-- How many entries lie before the beginning, those that were trimmed included: the server cannot tell before the group has read.
-- Unknown in the middle of the stream, and among entries that somebody has deleted.
local stream, before = redis.pcall('XINFO', 'STREAM', KEYS[1]), 0
if not stream.err then
  stream = pairs_of(stream)
  local first = stream['first-entry'] and stream['first-entry'][1]
  if start == '$' or not is_before(start, stream['last-generated-id']) then
    before = stream['entries-added']
  elseif stream['max-deleted-entry-id'] == '0-0' and (not first or is_before(start, first)) then
    before = stream['entries-added'] - stream['length']
  else
    before = nil
  end
end
local made
if before then made = create(KEYS[1], start, 'ENTRIESREAD', before) else made = create(KEYS[1], start) end
if made then redis.call('HDEL', KEYS[3], 'unknown') end
create(KEYS[2], '0')
local last = ''
for _, list in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = pairs_of(list)
  if group['name'] == ARGV[1] then last = group['last-delivered-id'] end
end
-- A group that is there without a note was made by another program: what it has read is its own affair.
redis.call('HSETNX', KEYS[3], 'start', last)
return {made and 'made' or 'there', redis.call('HGET', KEYS[3], 'start'), last}
