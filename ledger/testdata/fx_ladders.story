router fx
admit CHASUS33
admit DEUTDEFF
admit XCHGSGSG
admit XCHHHKHH
line XCHGSGSG USD@CHASUS33 limit=100000.00
line XCHGSGSG EUR@DEUTDEFF limit=100000.00
line XCHHHKHH USD@CHASUS33 limit=100000.00
line XCHHHKHH EUR@DEUTDEFF limit=100000.00
pay DEUTDEFF XCHGSGSG deliver=EUR amount=5000.00 send=EUR max=5000.00
pay CHASUS33 XCHGSGSG deliver=USD amount=5000.00 send=USD max=5000.00
pay DEUTDEFF XCHHHKHH deliver=EUR amount=5000.00 send=EUR max=5000.00
pay CHASUS33 XCHHHKHH deliver=USD amount=5000.00 send=USD max=5000.00
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
applied: EUR 5000.00 for EUR 5000.00
  issue      DEUTDEFF EUR@DEUTDEFF     -5000.00 -> -10000.00
  issue      XCHHHKHH EUR@DEUTDEFF      5000.00 -> 5000.00
applied: USD 5000.00 for USD 5000.00
  issue      CHASUS33 USD@CHASUS33     -5000.00 -> -10000.00
  issue      XCHHHKHH USD@CHASUS33      5000.00 -> 5000.00

# A ladder of both sides, and another dealer's offer behind its first level.
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=100.00@1.09,200.00@1.10 buy=108.00@1.08,107.00@1.07
offer XCHHHKHH h1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=50.00 price=1.09
book give=EUR@DEUTDEFF want=USD@CHASUS33
book give=USD@CHASUS33 want=EUR@DEUTDEFF
----
applied
applied
  XCHGSGSG EUR 100.00 at 109/100
  XCHHHKHH EUR 50.00 at 109/100
  XCHGSGSG EUR 200.00 at 11/10
  XCHGSGSG USD 108.00 at 25/27
  XCHGSGSG USD 107.00 at 100/107

# Replaced: the first level is unchanged and keeps its place before the other dealer's; the second has another amount.
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=100.00@1.09,300.00@1.10
book give=EUR@DEUTDEFF want=USD@CHASUS33
book give=USD@CHASUS33 want=EUR@DEUTDEFF
----
applied
  XCHGSGSG EUR 100.00 at 109/100
  XCHHHKHH EUR 50.00 at 109/100
  XCHGSGSG EUR 300.00 at 11/10

# A level that sells below what another buys at.
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=100.00@1.09 buy=110.00@1.10
ladder XCHGSGSG base=EUR@DEUTDEFF quote=EUR@DEUTDEFF sell=100.00@1.09
ladder XCHGSGSG base=EUR@CHASUS33 quote=USD@CHASUS33 sell=100.00@1.09
ladder XCHGSGSG base=EUR@NOBAUS33 quote=USD@CHASUS33 sell=100.00@1.09
book give=EUR@DEUTDEFF want=USD@CHASUS33
----
ladder_crosses
same_asset
no_line
unknown_issuer
  XCHGSGSG EUR 100.00 at 109/100
  XCHHHKHH EUR 50.00 at 109/100
  XCHGSGSG EUR 300.00 at 11/10

# Times in force: passive takes nothing, fill or kill all or nothing, immediate or cancel leaves nothing.
offer XCHHHKHH h2 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=109.00 price=0.91 force=passive
offer XCHHHKHH h3 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=54.50 price=0.93 force=passive
offer XCHHHKHH h4 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=1000.00 price=0.91 force=fok
offer XCHHHKHH h5 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=54.50 price=0.91 force=fok
offer XCHHHKHH h6 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=1000.00 price=0.91 force=ioc
book give=EUR@DEUTDEFF want=USD@CHASUS33
book give=USD@CHASUS33 want=EUR@DEUTDEFF
----
would_cross
applied
not_filled
applied: took EUR 50.00 for USD 54.50 at once
  transfer   XCHHHKHH USD@CHASUS33       -54.50 -> 4945.50
  transfer   XCHGSGSG USD@CHASUS33        54.50 -> 5054.50
  transfer   XCHGSGSG EUR@DEUTDEFF       -50.00 -> 4950.00
  transfer   XCHHHKHH EUR@DEUTDEFF        50.00 -> 5050.00
applied: took EUR 50.00 for USD 54.50 at once
  transfer   XCHHHKHH USD@CHASUS33       -54.50 -> 4891.00
  transfer   XCHGSGSG USD@CHASUS33        54.50 -> 5109.00
  transfer   XCHGSGSG EUR@DEUTDEFF       -50.00 -> 4900.00
  transfer   XCHHHKHH EUR@DEUTDEFF        50.00 -> 5100.00
  XCHHHKHH EUR 50.00 at 109/100
  XCHGSGSG EUR 300.00 at 11/10
  XCHHHKHH USD 54.50 at 93/100

# The killed offer's id is free; the others' are used, the ladder's levels' too.
offer XCHHHKHH h4 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=1.00 price=0.5
offer XCHHHKHH h6 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=1.00 price=0.5
----
applied: took EUR 0.90 for USD 0.99 at once
  transfer   XCHHHKHH USD@CHASUS33        -0.99 -> 4890.01
  transfer   XCHGSGSG USD@CHASUS33         0.99 -> 5109.99
  transfer   XCHGSGSG EUR@DEUTDEFF        -0.90 -> 4899.10
  transfer   XCHHHKHH EUR@DEUTDEFF         0.90 -> 5100.90
id_reused

# A ladder that takes what it crosses; a passive one does not.
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=10.00@0.8 force=passive
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=10.00@0.8 expires=10s
book give=EUR@DEUTDEFF want=USD@CHASUS33
wait 5s
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=10.00@0.95 expires=10s
wait 6s
book give=EUR@DEUTDEFF want=USD@CHASUS33
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33 sell=10.00@0.95 expires=10s
wait 9s
wait 2s
ladder XCHGSGSG base=EUR@DEUTDEFF quote=USD@CHASUS33
----
would_cross
applied
  transfer   XCHGSGSG EUR@DEUTDEFF       -10.00 -> 4889.10
  transfer   XCHHHKHH EUR@DEUTDEFF        10.00 -> 5110.90
  transfer   XCHHHKHH USD@CHASUS33       -10.75 -> 4879.26
  transfer   XCHGSGSG USD@CHASUS33        10.75 -> 5120.74
  XCHHHKHH EUR 50.00 at 109/100
applied
  transfer   XCHGSGSG EUR@DEUTDEFF       -10.00 -> 4879.10
  transfer   XCHHHKHH EUR@DEUTDEFF        10.00 -> 5120.90
  transfer   XCHHHKHH USD@CHASUS33       -10.75 -> 4868.51
  transfer   XCHGSGSG USD@CHASUS33        10.75 -> 5131.49
  XCHHHKHH EUR 50.00 at 109/100
applied
  transfer   XCHGSGSG EUR@DEUTDEFF       -10.00 -> 4869.10
  transfer   XCHHHKHH EUR@DEUTDEFF        10.00 -> 5130.90
  transfer   XCHHHKHH USD@CHASUS33       -10.75 -> 4857.76
  transfer   XCHGSGSG USD@CHASUS33        10.75 -> 5142.24
applied
