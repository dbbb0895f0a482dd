# Two correspondents, two banks.
admit CHASUS33
admit DEUTDEFF
admit BNMXMXMM
admit HSBCGB2L
line BNMXMXMM USD@CHASUS33 limit=1000.00
line HSBCGB2L USD@CHASUS33 limit=1000.00
line BNMXMXMM EUR@DEUTDEFF limit=1000.00
line HSBCGB2L EUR@DEUTDEFF limit=1000.00
pay CHASUS33 BNMXMXMM deliver=USD@CHASUS33 amount=100.00 send=USD max=100.00
pay DEUTDEFF HSBCGB2L deliver=EUR@DEUTDEFF amount=90.00 send=EUR max=90.00
----
applied
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
applied: EUR 90.00 for EUR 90.00
  issue      DEUTDEFF EUR@DEUTDEFF       -90.00 -> -90.00
  issue      HSBCGB2L EUR@DEUTDEFF        90.00 -> 90.00

# The dollars wait for the euros, though they are there, and both settle in the block in which the second leg comes.
pay BNMXMXMM HSBCGB2L id=a deliver=USD amount=60.00 send=USD max=60.00 pvp=b
queue
pay HSBCGB2L BNMXMXMM id=b deliver=EUR amount=50.00 send=EUR max=50.00 pvp=a
queue
balances
----
queued
a of BNMXMXMM
next block in 24h0m0.001s
queued
payment a applied: USD 60.00 for USD 60.00
  transfer   BNMXMXMM USD@CHASUS33       -60.00 -> 40.00
  transfer   HSBCGB2L USD@CHASUS33        60.00 -> 60.00
payment b applied: EUR 50.00 for EUR 50.00
  transfer   HSBCGB2L EUR@DEUTDEFF       -50.00 -> 40.00
  transfer   BNMXMXMM EUR@DEUTDEFF        50.00 -> 50.00
next block never by itself
CHASUS33 USD@CHASUS33      -100.00
BNMXMXMM USD@CHASUS33        40.00
HSBCGB2L USD@CHASUS33        60.00
DEUTDEFF EUR@DEUTDEFF       -90.00
BNMXMXMM EUR@DEUTDEFF        50.00
HSBCGB2L EUR@DEUTDEFF        40.00

# Both are there, one lacks funds: both wait, and whatever else its sender has may go before. When the funds come both settle.
pay BNMXMXMM HSBCGB2L id=c deliver=USD amount=70.00 send=USD max=70.00 pvp=d
pay HSBCGB2L BNMXMXMM id=d deliver=EUR amount=10.00 send=EUR max=10.00 pvp=c
pay BNMXMXMM HSBCGB2L id=e deliver=USD amount=1.00 send=USD max=1.00 queue=on
queue
pay CHASUS33 BNMXMXMM deliver=USD@CHASUS33 amount=50.00 send=USD max=50.00
queue
----
queued
queued
applied: USD 1.00 for USD 1.00
  transfer   BNMXMXMM USD@CHASUS33        -1.00 -> 39.00
  transfer   HSBCGB2L USD@CHASUS33         1.00 -> 61.00
c of BNMXMXMM
d of HSBCGB2L
next block in 24h0m0.001s
applied: USD 50.00 for USD 50.00
  issue      CHASUS33 USD@CHASUS33       -50.00 -> -150.00
  issue      BNMXMXMM USD@CHASUS33        50.00 -> 89.00
payment c applied: USD 70.00 for USD 70.00
  transfer   BNMXMXMM USD@CHASUS33       -70.00 -> 19.00
  transfer   HSBCGB2L USD@CHASUS33        70.00 -> 131.00
payment d applied: EUR 10.00 for EUR 10.00
  transfer   HSBCGB2L EUR@DEUTDEFF       -10.00 -> 30.00
  transfer   BNMXMXMM EUR@DEUTDEFF        10.00 -> 60.00
next block never by itself

# Whoever cancels ends both.
pay BNMXMXMM HSBCGB2L id=f deliver=USD amount=1.00 send=USD max=1.00 pvp=g
unqueue BNMXMXMM f
pay HSBCGB2L BNMXMXMM id=g deliver=EUR amount=1.00 send=EUR max=1.00 pvp=f
----
queued
applied
payment f cancelled
pvp_ended

pay BNMXMXMM HSBCGB2L id=h deliver=USD amount=900.00 send=USD max=900.00 pvp=i
pay HSBCGB2L BNMXMXMM id=i deliver=EUR amount=1.00 send=EUR max=1.00 pvp=h
unqueue HSBCGB2L i
queue
----
queued
queued
applied
payment i cancelled
payment h pvp_ended
next block never by itself

# The earlier deadline is both's.
pay BNMXMXMM HSBCGB2L id=k deliver=USD amount=900.00 send=USD max=900.00 pvp=l not_after=1h
pay HSBCGB2L BNMXMXMM id=l deliver=EUR amount=1.00 send=EUR max=1.00 pvp=k not_after=5m
wait 5m
wait 1ms
queue
----
queued
queued
payment l expired
payment k pvp_ended
next block never by itself

# The one it names is of the same currency, names another, or none, or is somebody else's.
pay BNMXMXMM HSBCGB2L id=m deliver=USD amount=1.00 send=USD max=1.00 pvp=n
pay HSBCGB2L BNMXMXMM id=n deliver=USD amount=1.00 send=USD max=1.00 pvp=m
queue
pay HSBCGB2L BNMXMXMM id=o deliver=EUR amount=1.00 send=EUR max=1.00 pvp=m
queue
----
queued
pvp_mismatch
payment m pvp_ended
next block never by itself
pvp_ended
next block never by itself

# A chain of three: the second names a third, so the first will never settle.
pay BNMXMXMM HSBCGB2L id=p deliver=USD amount=1.00 send=USD max=1.00 pvp=q
pay HSBCGB2L BNMXMXMM id=q deliver=EUR amount=1.00 send=EUR max=1.00 pvp=r
queue
pay BNMXMXMM HSBCGB2L id=r deliver=USD amount=1.00 send=USD max=1.00 pvp=q
queue
----
queued
queued
payment p pvp_mismatch
q of HSBCGB2L
next block in 24h0m0.001s
queued
payment q applied: EUR 1.00 for EUR 1.00
  transfer   HSBCGB2L EUR@DEUTDEFF        -1.00 -> 29.00
  transfer   BNMXMXMM EUR@DEUTDEFF         1.00 -> 61.00
payment r applied: USD 1.00 for USD 1.00
  transfer   BNMXMXMM USD@CHASUS33        -1.00 -> 18.00
  transfer   HSBCGB2L USD@CHASUS33         1.00 -> 132.00
next block never by itself

# An ordinary payment is nobody's other leg; nor is one that is refused.
pay BNMXMXMM HSBCGB2L id=s deliver=USD amount=1.00 send=USD max=1.00 pvp=t
pay HSBCGB2L BNMXMXMM id=t deliver=EUR amount=1.00 send=EUR max=1.00
pay BNMXMXMM HSBCGB2L id=u deliver=USD amount=1.00 send=USD max=1.00 pvp=v
pay HSBCGB2L BNMXMXMM id=v deliver=EUR amount=9000.00 send=EUR max=9000.00
queue
----
queued
applied: EUR 1.00 for EUR 1.00
  transfer   HSBCGB2L EUR@DEUTDEFF        -1.00 -> 28.00
  transfer   BNMXMXMM EUR@DEUTDEFF         1.00 -> 62.00
payment s pvp_mismatch
queued
shortfall
payment u pvp_ended
next block never by itself

# What cannot be asked for together.
pay BNMXMXMM HSBCGB2L id=w deliver=USD amount=1.00 send=USD max=1.00 pvp=w
pay BNMXMXMM HSBCGB2L id=w deliver=EUR amount=1.00 send=USD max=2.00 pvp=x
pay BNMXMXMM HSBCGB2L id=w deliver=USD amount=1.00 send=USD max=1.00 pvp=x partial=0.00
pay BNMXMXMM HSBCGB2L id=w mode=covered deliver=USD amount=1.00 send=USD queue=on
pay BNMXMXMM CHASUS33 id=w deliver=MXN amount=1.00 send=MXN max=1.00 pvp=x
balances
----
terms_conflict
terms_conflict
terms_conflict
terms_conflict
no_path
CHASUS33 USD@CHASUS33      -150.00
BNMXMXMM USD@CHASUS33        18.00
HSBCGB2L USD@CHASUS33       132.00
DEUTDEFF EUR@DEUTDEFF       -90.00
BNMXMXMM EUR@DEUTDEFF        62.00
HSBCGB2L EUR@DEUTDEFF        28.00
