# Three banks hold dollars of one correspondent.
admit CHASUS33
admit BNMXMXMM
admit HSBCGB2L
admit DEUTDEFF
line BNMXMXMM USD@CHASUS33 limit=1000.00
line HSBCGB2L USD@CHASUS33 limit=1000.00
line DEUTDEFF USD@CHASUS33 limit=1000.00
pay CHASUS33 BNMXMXMM deliver=USD@CHASUS33 amount=100.00 send=USD max=100.00
----
applied
applied
applied
applied
applied
applied
applied
applied: USD 100.00 for USD 100.00
  issue      CHASUS33 USD@CHASUS33      -100.00 -> -100.00
  issue      BNMXMXMM USD@CHASUS33       100.00 -> 100.00

# What falls short waits where it asked to, and what comes after it waits its turn, though there is enough for it.
pay BNMXMXMM HSBCGB2L id=a deliver=USD amount=150.00 send=USD max=150.00
pay BNMXMXMM HSBCGB2L id=a deliver=USD amount=150.00 send=USD max=150.00 queue=on
pay BNMXMXMM HSBCGB2L id=b deliver=USD amount=150.00 send=USD max=150.00 queue=on
pay BNMXMXMM HSBCGB2L id=c deliver=USD amount=30.00 send=USD max=30.00 queue=on
queue
----
shortfall
id_reused
queued
queued
b of BNMXMXMM
c of BNMXMXMM
next block in 24h0m0.001s

# What does not ask to wait takes what is there.
pay BNMXMXMM DEUTDEFF deliver=USD amount=5.00 send=USD max=5.00
----
applied: USD 5.00 for USD 5.00
  transfer   BNMXMXMM USD@CHASUS33        -5.00 -> 95.00
  transfer   DEUTDEFF USD@CHASUS33         5.00 -> 5.00

# Urgent goes first.
pay BNMXMXMM HSBCGB2L id=u deliver=USD amount=20.00 send=USD max=20.00 queue=on priority=urgent
queue
----
applied: USD 20.00 for USD 20.00
  transfer   BNMXMXMM USD@CHASUS33       -20.00 -> 75.00
  transfer   HSBCGB2L USD@CHASUS33        20.00 -> 20.00
b of BNMXMXMM
c of BNMXMXMM
next block in 24h0m0.001s

# Its sender puts one before another, whose place it takes, and there is enough for that one.
reorder BNMXMXMM c before=b
queue
----
applied
payment c applied: USD 30.00 for USD 30.00
  transfer   BNMXMXMM USD@CHASUS33       -30.00 -> 45.00
  transfer   HSBCGB2L USD@CHASUS33        30.00 -> 50.00
b of BNMXMXMM
next block in 24h0m0.001s

# Money comes: all that can settles, in turn.
pay CHASUS33 BNMXMXMM deliver=USD amount=100.00 send=USD max=100.00
queue
----
applied: USD 100.00 for USD 100.00
  issue      CHASUS33 USD@CHASUS33      -100.00 -> -200.00
  issue      BNMXMXMM USD@CHASUS33       100.00 -> 145.00
b of BNMXMXMM
next block in 24h0m0.001s

# Nobody can move or cancel what is another's, or does not wait; nor put a payment before one of another priority.
reorder HSBCGB2L b
reorder BNMXMXMM b before=c
reorder BNMXMXMM b before=b
unqueue HSBCGB2L b
unqueue BNMXMXMM c
unqueue operator b
unqueue BNMXMXMM b
unqueue BNMXMXMM b
queue
balances
----
unknown_payment
unknown_payment
terms_conflict
unknown_payment
unknown_payment
unknown_payment
applied
payment b cancelled
unknown_payment
next block never by itself
CHASUS33 USD@CHASUS33      -200.00
BNMXMXMM USD@CHASUS33       145.00
HSBCGB2L USD@CHASUS33        50.00
DEUTDEFF USD@CHASUS33         5.00

# Two banks owe each other more than they have: together they settle.
pay DEUTDEFF HSBCGB2L id=d deliver=USD amount=600.00 send=USD max=600.00 queue=on
pay HSBCGB2L DEUTDEFF id=e deliver=USD amount=640.00 send=USD max=640.00 queue=on
balances
----
queued
queued
payment d applied: USD 600.00 for USD 600.00
  transfer   DEUTDEFF USD@CHASUS33      -600.00 -> -595.00
  transfer   HSBCGB2L USD@CHASUS33       600.00 -> 650.00
payment e applied: USD 640.00 for USD 640.00
  transfer   HSBCGB2L USD@CHASUS33      -640.00 -> 10.00
  transfer   DEUTDEFF USD@CHASUS33       640.00 -> 45.00
CHASUS33 USD@CHASUS33      -200.00
BNMXMXMM USD@CHASUS33       145.00
HSBCGB2L USD@CHASUS33        10.00
DEUTDEFF USD@CHASUS33        45.00

# Three in a circle, and the fourth payment, which nobody pays for, stays.
pay HSBCGB2L DEUTDEFF id=f deliver=USD amount=600.00 send=USD max=600.00 queue=on
pay DEUTDEFF BNMXMXMM id=g deliver=USD amount=640.00 send=USD max=640.00 queue=on
pay DEUTDEFF BNMXMXMM id=h deliver=USD amount=750.00 send=USD max=750.00 queue=on
pay BNMXMXMM HSBCGB2L id=i deliver=USD amount=620.00 send=USD max=620.00 queue=on
queue
balances
----
queued
queued
queued
queued
payment f applied: USD 600.00 for USD 600.00
  transfer   HSBCGB2L USD@CHASUS33      -600.00 -> -590.00
  transfer   DEUTDEFF USD@CHASUS33       600.00 -> 645.00
payment g applied: USD 640.00 for USD 640.00
  transfer   DEUTDEFF USD@CHASUS33      -640.00 -> 5.00
  transfer   BNMXMXMM USD@CHASUS33       640.00 -> 785.00
payment i applied: USD 620.00 for USD 620.00
  transfer   BNMXMXMM USD@CHASUS33      -620.00 -> 165.00
  transfer   HSBCGB2L USD@CHASUS33       620.00 -> 30.00
h of DEUTDEFF
next block in 24h0m0.001s
CHASUS33 USD@CHASUS33      -200.00
BNMXMXMM USD@CHASUS33       165.00
HSBCGB2L USD@CHASUS33        30.00
DEUTDEFF USD@CHASUS33         5.00

# It waits until its last moment, which is a day away where it names none.
wait 23h
pay BNMXMXMM HSBCGB2L id=j deliver=USD amount=999.00 send=USD max=999.00 queue=on not_after=10m
queue
wait 10m
wait 1ms
wait 2h
queue
----
queued
h of DEUTDEFF
j of BNMXMXMM
next block in 10m0.001s
payment j expired
payment h expired
next block never by itself

# A payment that has ended is not asked again.
pay BNMXMXMM HSBCGB2L id=j deliver=USD amount=1.00 send=USD max=1.00 queue=on
----
id_reused
