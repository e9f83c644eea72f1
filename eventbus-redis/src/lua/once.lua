-- Publishes a message, unless one with its id was published within its window.
-- KEYS: the id, the stream or the delayed messages.
-- ARGV: window in ms, due in ms or '', then as for XADD: the bound and the fields; or as for a delay: number of the stream, fields.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return false
end
if ARGV[2] == '' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
else
  redis.call('ZADD', KEYS[2], ARGV[2], cmsgpack.pack({unpack(ARGV, 3)}))
end
-- Last: of a message that the server refuses no id is kept.
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
return 1
