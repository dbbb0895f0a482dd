admit CHASUS33
admit DEUTDEFF
admit BNMXMXMM
admit XCHGSGSG
admit XCHHHKHH
line BNMXMXMM USD@CHASUS33 limit=100000.00
line BNMXMXMM EUR@DEUTDEFF limit=100000.00
line XCHGSGSG USD@CHASUS33 limit=100000.00
line XCHGSGSG EUR@DEUTDEFF limit=100000.00
line XCHHHKHH USD@CHASUS33 limit=100000.00
line XCHHHKHH EUR@DEUTDEFF limit=100000.00
pay DEUTDEFF XCHGSGSG deliver=EUR amount=1000.00 send=EUR max=1000.00
pay CHASUS33 BNMXMXMM deliver=USD amount=5000.00 send=USD max=5000.00
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
applied
applied
applied
applied: EUR 1000.00 for EUR 1000.00
  issue      DEUTDEFF EUR@DEUTDEFF     -1000.00 -> -1000.00
  issue      XCHGSGSG EUR@DEUTDEFF      1000.00 -> 1000.00
applied: USD 5000.00 for USD 5000.00
  issue      CHASUS33 USD@CHASUS33     -5000.00 -> -5000.00
  issue      BNMXMXMM USD@CHASUS33      5000.00 -> 5000.00
applied: USD 5000.00 for USD 5000.00
  issue      CHASUS33 USD@CHASUS33     -5000.00 -> -10000.00
  issue      XCHHHKHH USD@CHASUS33      5000.00 -> 5000.00

# A dealer sells euros at 1.0873; the taker's cost is rounded up once.
offer XCHGSGSG o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=100.00 price=1.0873
pay BNMXMXMM DEUTDEFF deliver=EUR amount=33.33 send=USD max=40.00
pay BNMXMXMM BNMXMXMM deliver=EUR amount=33.33 send=USD max=40.00
----
applied
applied: EUR 33.33 for USD 36.24
  transfer   BNMXMXMM USD@CHASUS33       -36.24 -> 4963.76
  transfer   XCHGSGSG USD@CHASUS33        36.24 -> 36.24
  redemption XCHGSGSG EUR@DEUTDEFF       -33.33 -> 966.67
  redemption DEUTDEFF EUR@DEUTDEFF        33.33 -> -966.67
applied: EUR 33.33 for USD 36.24
  transfer   BNMXMXMM USD@CHASUS33       -36.24 -> 4927.52
  transfer   XCHGSGSG USD@CHASUS33        36.24 -> 72.48
  transfer   XCHGSGSG EUR@DEUTDEFF       -33.33 -> 933.34
  transfer   BNMXMXMM EUR@DEUTDEFF        33.33 -> 33.33

# A new offer that crosses takes the standing one at its price; the rest stands.
offer XCHHHKHH o2 give=USD@CHASUS33 want=EUR@DEUTDEFF amount=50.00 price=0.9191
balances
----
applied: took EUR 33.34 for USD 36.26 at once
  transfer   XCHHHKHH USD@CHASUS33       -36.26 -> 4963.74
  transfer   XCHGSGSG USD@CHASUS33        36.26 -> 108.74
  transfer   XCHGSGSG EUR@DEUTDEFF       -33.34 -> 900.00
  transfer   XCHHHKHH EUR@DEUTDEFF        33.34 -> 33.34
CHASUS33 USD@CHASUS33    -10000.00
BNMXMXMM USD@CHASUS33      4927.52
DEUTDEFF EUR@DEUTDEFF      -966.67
BNMXMXMM EUR@DEUTDEFF        33.33
XCHGSGSG USD@CHASUS33       108.74
XCHGSGSG EUR@DEUTDEFF       900.00
XCHHHKHH USD@CHASUS33      4963.74
XCHHHKHH EUR@DEUTDEFF        33.34

# What is left of a price is taken by an offer as good; expiry and cancellation.
offer XCHGSGSG o3 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=100.00 price=1.09 expires=1s
offer XCHGSGSG o4 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=100.00 price=1.10
wait 999ms
wait 1ms
cancel BNMXMXMM o4
cancel XCHGSGSG o4
cancel XCHGSGSG o4
----
applied
applied
offer of XCHGSGSG: expired
unknown_offer
applied
unknown_offer

# Offers that are refused.
offer XCHGSGSG o4 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=100.00 price=1.10
offer XCHGSGSG o5 give=EUR@DEUTDEFF want=EUR@DEUTDEFF amount=100.00 price=1.10
offer XCHGSGSG o6 give=EUR@CHASUS33 want=USD@CHASUS33 amount=100.00 price=1.10
offer XCHGSGSG o7 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=0.00 price=1.10
offer XCHGSGSG o8 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=1.00 price=1.10 expires=-1s
----
id_reused
same_asset
no_line
bad_amount
offer_expired

# At just the standing price, what whole multiples of it there are: 11 cents for 10, no fraction.
offer XCHGSGSG o9 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=100.00 price=1.1
offer XCHHHKHH oa give=USD@CHASUS33 want=EUR@DEUTDEFF amount=99.98 price=10/11
cancel XCHGSGSG o9
cancel XCHHHKHH oa
----
applied
applied: took EUR 90.80 for USD 99.88 at once
  transfer   XCHHHKHH USD@CHASUS33       -99.88 -> 4863.86
  transfer   XCHGSGSG USD@CHASUS33        99.88 -> 208.62
  transfer   XCHGSGSG EUR@DEUTDEFF       -90.80 -> 809.20
  transfer   XCHHHKHH EUR@DEUTDEFF        90.80 -> 124.14
applied
applied
