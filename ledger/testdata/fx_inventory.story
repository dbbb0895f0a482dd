router fx
admit CHASUS33
admit DEUTDEFF
admit XCHGSGSG
admit BNMXMXMM
line XCHGSGSG USD@CHASUS33 limit=100000.00
line XCHGSGSG EUR@DEUTDEFF limit=100000.00
line BNMXMXMM USD@CHASUS33 limit=100000.00
line BNMXMXMM EUR@DEUTDEFF limit=100000.00
pay DEUTDEFF XCHGSGSG deliver=EUR amount=5000.00 send=EUR max=5000.00
pay CHASUS33 XCHGSGSG deliver=USD amount=5000.00 send=USD max=5000.00
pay CHASUS33 BNMXMXMM deliver=USD amount=5000.00 send=USD max=5000.00
pay DEUTDEFF BNMXMXMM deliver=EUR amount=5000.00 send=EUR max=5000.00
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=100.00@1.1,200.00@1.2 buy=100.00@1.0
----
applied
applied
applied
applied
applied
applied
applied
applied
applied: EUR 5000.00 for EUR 5000.00
  issue      DEUTDEFF EUR@DEUTDEFF     -5000.00 -> -5000.00
  issue      XCHGSGSG EUR@DEUTDEFF      5000.00 -> 5000.00
applied: USD 5000.00 for USD 5000.00
  issue      CHASUS33 USD@CHASUS33     -5000.00 -> -5000.00
  issue      XCHGSGSG USD@CHASUS33      5000.00 -> 5000.00
applied: USD 5000.00 for USD 5000.00
  issue      CHASUS33 USD@CHASUS33     -5000.00 -> -10000.00
  issue      BNMXMXMM USD@CHASUS33      5000.00 -> 5000.00
applied: EUR 5000.00 for EUR 5000.00
  issue      DEUTDEFF EUR@DEUTDEFF     -5000.00 -> -10000.00
  issue      BNMXMXMM EUR@DEUTDEFF      5000.00 -> 5000.00
applied

# Short of at most 150 euros: the offers show that much between them, the best first.
inventory XCHGSGSG EUR short=150.00 long=40.00
stocks
----
applied
XCHGSGSG EUR      0.00, long 40.00, short 150.00
  XCHGSGSG EUR at 11/10 shows 100.00 of 100.00
  XCHGSGSG EUR at 6/5 shows 50.00 of 200.00
  XCHGSGSG USD at 1/1 shows 40.00 of 100.00

# What is sold makes room to buy, and the other way round.
pay BNMXMXMM DEUTDEFF deliver=EUR amount=120.00 send=USD@CHASUS33 max=200.00
stocks
pay BNMXMXMM DEUTDEFF deliver=EUR amount=40.00 send=USD@CHASUS33 max=200.00
pay BNMXMXMM CHASUS33 deliver=USD amount=80.00 send=EUR@DEUTDEFF max=200.00
stocks
----
applied: EUR 120.00 for USD 134.00
  transfer   BNMXMXMM USD@CHASUS33      -134.00 -> 4866.00
  transfer   XCHGSGSG USD@CHASUS33       134.00 -> 5134.00
  redemption XCHGSGSG EUR@DEUTDEFF      -120.00 -> 4880.00
  redemption DEUTDEFF EUR@DEUTDEFF       120.00 -> -9880.00
XCHGSGSG EUR      -120.00, long 40.00, short 150.00
  XCHGSGSG EUR at 6/5 shows 30.00 of 180.00
  XCHGSGSG USD at 1/1 shows 100.00 of 100.00
shortfall
applied: USD 80.00 for EUR 80.00
  transfer   BNMXMXMM EUR@DEUTDEFF       -80.00 -> 4920.00
  transfer   XCHGSGSG EUR@DEUTDEFF        80.00 -> 4960.00
  redemption XCHGSGSG USD@CHASUS33       -80.00 -> 5054.00
  redemption CHASUS33 USD@CHASUS33        80.00 -> -9920.00
XCHGSGSG EUR      -40.00, long 40.00, short 150.00
  XCHGSGSG EUR at 6/5 shows 110.00 of 180.00
  XCHGSGSG USD at 1/1 shows 20.00 of 20.00

# A bound of one pair, a lower bound behind what is there, a new count.
inventory XCHGSGSG USD against=EUR long=60.00
stocks
inventory XCHGSGSG EUR short=0.00 long=0.00
stocks
inventory XCHGSGSG EUR net=0.00
inventory XCHGSGSG USD against=EUR
stocks
inventory XCHGSGSG EUR against=EUR
inventory XCHGSGSG CLF long=1.00
inventory operator EUR long=1.00
----
applied
XCHGSGSG EUR      -40.00, long 40.00, short 150.00
XCHGSGSG USD/EUR  0.00, long 60.00, short any
  XCHGSGSG EUR at 6/5 shows 50.00 of 180.00
  XCHGSGSG USD at 1/1 shows 20.00 of 20.00
applied
XCHGSGSG EUR      -40.00, long 0.00, short 0.00
XCHGSGSG USD/EUR  0.00, long 60.00, short any
  XCHGSGSG EUR at 6/5 shows 0.00 of 180.00
  XCHGSGSG USD at 1/1 shows 20.00 of 20.00
applied
applied
XCHGSGSG EUR      0.00, long any, short any
XCHGSGSG USD/EUR  0.00, long any, short any
  XCHGSGSG EUR at 6/5 shows 180.00 of 180.00
  XCHGSGSG USD at 1/1 shows 20.00 of 20.00
same_asset
unknown_currency
not_allowed
