router fx
# Two ways from dollars to euros; the cheaper dealer's line is frozen by its issuer, and the payment goes
# the other way. Nothing else about it changes.
admit BNMXMXMM
admit CHASUS33
admit DEUTDEFF
admit COBADEFF
admit XCHGSGSG
admit XCHHHKHH
line BNMXMXMM USD@CHASUS33 limit=100000.00
line XCHGSGSG USD@CHASUS33 limit=100000.00
line XCHHHKHH USD@CHASUS33 limit=100000.00
line XCHGSGSG EUR@DEUTDEFF limit=100000.00
line XCHHHKHH EUR@DEUTDEFF limit=100000.00
line COBADEFF EUR@DEUTDEFF limit=100000.00
pay CHASUS33 BNMXMXMM deliver=USD amount=10000.00 send=USD max=10000.00
pay DEUTDEFF XCHGSGSG deliver=EUR amount=5000.00 send=EUR max=5000.00
pay DEUTDEFF XCHHHKHH deliver=EUR amount=5000.00 send=EUR max=5000.00
offer XCHGSGSG o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=5000.00 price=1.08
offer XCHHHKHH o2 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=5000.00 price=1.09
pay BNMXMXMM COBADEFF deliver=EUR amount=100.00 send=USD max=110.00
control DEUTDEFF XCHGSGSG EUR frozen=on
pay BNMXMXMM COBADEFF deliver=EUR amount=100.00 send=USD max=110.00
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
applied
applied: USD 10000.00 for USD 10000.00
  issue      CHASUS33 USD@CHASUS33    -10000.00 -> -10000.00
  issue      BNMXMXMM USD@CHASUS33     10000.00 -> 10000.00
applied: EUR 5000.00 for EUR 5000.00
  issue      DEUTDEFF EUR@DEUTDEFF     -5000.00 -> -5000.00
  issue      XCHGSGSG EUR@DEUTDEFF      5000.00 -> 5000.00
applied: EUR 5000.00 for EUR 5000.00
  issue      DEUTDEFF EUR@DEUTDEFF     -5000.00 -> -10000.00
  issue      XCHHHKHH EUR@DEUTDEFF      5000.00 -> 5000.00
applied
applied
applied: EUR 100.00 for USD 108.00
  transfer   BNMXMXMM USD@CHASUS33      -108.00 -> 9892.00
  transfer   XCHGSGSG USD@CHASUS33       108.00 -> 108.00
  transfer   XCHGSGSG EUR@DEUTDEFF      -100.00 -> 4900.00
  transfer   COBADEFF EUR@DEUTDEFF       100.00 -> 100.00
applied
applied: EUR 100.00 for USD 109.00
  transfer   BNMXMXMM USD@CHASUS33      -109.00 -> 9783.00
  transfer   XCHHHKHH USD@CHASUS33       109.00 -> 109.00
  transfer   XCHHHKHH EUR@DEUTDEFF      -100.00 -> 4900.00
  transfer   COBADEFF EUR@DEUTDEFF       100.00 -> 200.00

# The issuer itself is paid by the cheaper one again: a frozen holder may redeem.
pay BNMXMXMM DEUTDEFF deliver=EUR amount=100.00 send=USD max=110.00
----
applied: EUR 100.00 for USD 108.00
  transfer   BNMXMXMM USD@CHASUS33      -108.00 -> 9675.00
  transfer   XCHGSGSG USD@CHASUS33       108.00 -> 216.00
  redemption XCHGSGSG EUR@DEUTDEFF      -100.00 -> 4800.00
  redemption DEUTDEFF EUR@DEUTDEFF       100.00 -> -9900.00

# The whole asset is frozen: nobody moves it from hand to hand.
terms DEUTDEFF frozen=on
pay BNMXMXMM COBADEFF deliver=EUR amount=100.00 send=USD max=110.00
terms DEUTDEFF frozen=off
control DEUTDEFF XCHGSGSG EUR frozen=off
pay BNMXMXMM COBADEFF deliver=EUR amount=100.00 send=USD max=110.00
----
applied
no_path
applied
applied
applied: EUR 100.00 for USD 108.00
  transfer   BNMXMXMM USD@CHASUS33      -108.00 -> 9567.00
  transfer   XCHGSGSG USD@CHASUS33       108.00 -> 324.00
  transfer   XCHGSGSG EUR@DEUTDEFF      -100.00 -> 4700.00
  transfer   COBADEFF EUR@DEUTDEFF       100.00 -> 300.00
