-- Forgets a consumer that has nothing left, and others that have died without anything left.
-- KEYS: stream, wake. ARGV: group, consumer, after how many ms a consumer that is not heard of has died.
for _, key in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', key, ARGV[1])
  if not consumers.err then
    for _, list in ipairs(consumers) do
      local consumer = {}
      for i = 1, #list, 2 do consumer[list[i]] = list[i + 1] end
      local is_gone = consumer['name'] == ARGV[2] or consumer['idle'] > tonumber(ARGV[3])
      if is_gone and (consumer['pending'] == 0 or key == KEYS[2]) then
        redis.call('XGROUP', 'DELCONSUMER', key, ARGV[1], consumer['name'])
      end
    end
  end
end
return 1
