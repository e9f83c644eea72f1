-- Opens a group: makes it where it is not there, and notes where it begins.
-- KEYS: stream, wake, note of the group, mark of its removal. ARGV: group, start, whether it is to be made again ('1') or opened ('0').
-- Gives 'made', 'there' or 'removed', the noted start, and the last entry that was handed out.
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[4]) == 1 then return {'removed', '', ''} end
redis.call('DEL', KEYS[4])
local function create(key, start)
  local made = redis.pcall('XGROUP', 'CREATE', key, ARGV[1], start, 'MKSTREAM')
  if not made.err then return true end
  if string.find(made.err, 'BUSYGROUP', 1, true) then return false end
  error(made.err, 0)
end
local start = ARGV[2]
if ARGV[3] == '1' then start = redis.call('HGET', KEYS[3], 'start') or start end
local made = create(KEYS[1], start)
create(KEYS[2], '0')
local last = ''
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local is_it = false
  for i = 1, #group, 2 do
    if group[i] == 'name' and group[i + 1] == ARGV[1] then is_it = true end
    if group[i] == 'last-delivered-id' and is_it then last = group[i + 1] end
  end
end
-- A group that is there without a note was made by another program: what it has read is its own affair.
redis.call('HSETNX', KEYS[3], 'start', last)
return {made and 'made' or 'there', redis.call('HGET', KEYS[3], 'start'), last}
