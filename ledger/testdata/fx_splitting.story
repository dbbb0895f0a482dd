router fx
# Two dealers sell euros. The cheaper has 400.00; a payment of 1,000.00 takes those and the rest from the
# other, in one settlement.
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
offer XCHGSGSG o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=400.00 price=1.0873
offer XCHHHKHH o2 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=5000.00 price=1.0890
pay BNMXMXMM COBADEFF deliver=EUR amount=1000.00 send=USD max=1100.00
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
applied: EUR 1000.00 for USD 1088.32
  transfer   BNMXMXMM USD@CHASUS33     -1088.32 -> 8911.68
  transfer   XCHGSGSG USD@CHASUS33       434.92 -> 434.92
  transfer   XCHGSGSG EUR@DEUTDEFF      -400.00 -> 4600.00
  transfer   COBADEFF EUR@DEUTDEFF      1000.00 -> 1000.00
  transfer   XCHHHKHH USD@CHASUS33       653.40 -> 653.40
  transfer   XCHHHKHH EUR@DEUTDEFF      -600.00 -> 4400.00

# An offer whose maker has nothing left to give is passed over, and so is one that has expired: what is
# dearer but there is taken.
offer XCHGSGSG o3 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=1000.00 price=1.0500 expires=1s
pay XCHGSGSG DEUTDEFF deliver=EUR amount=4600.00 send=EUR max=4600.00
pay BNMXMXMM COBADEFF deliver=EUR amount=100.00 send=USD max=110.00
pay DEUTDEFF XCHGSGSG deliver=EUR amount=100.00 send=EUR max=100.00
wait 1s
pay BNMXMXMM COBADEFF deliver=EUR amount=100.00 send=USD max=110.00
----
applied
applied: EUR 4600.00 for EUR 4600.00
  redemption XCHGSGSG EUR@DEUTDEFF     -4600.00 -> 0.00
  redemption DEUTDEFF EUR@DEUTDEFF      4600.00 -> -5400.00
applied: EUR 100.00 for USD 108.90
  transfer   BNMXMXMM USD@CHASUS33      -108.90 -> 8802.78
  transfer   XCHHHKHH USD@CHASUS33       108.90 -> 762.30
  transfer   XCHHHKHH EUR@DEUTDEFF      -100.00 -> 4300.00
  transfer   COBADEFF EUR@DEUTDEFF       100.00 -> 1100.00
applied: EUR 100.00 for EUR 100.00
  issue      DEUTDEFF EUR@DEUTDEFF      -100.00 -> -5500.00
  issue      XCHGSGSG EUR@DEUTDEFF       100.00 -> 100.00
offer of XCHGSGSG: expired
applied: EUR 100.00 for USD 108.90
  transfer   BNMXMXMM USD@CHASUS33      -108.90 -> 8693.88
  transfer   XCHHHKHH USD@CHASUS33       108.90 -> 871.20
  transfer   XCHHHKHH EUR@DEUTDEFF      -100.00 -> 4200.00
  transfer   COBADEFF EUR@DEUTDEFF       100.00 -> 1200.00

# Just so much is sent, and it must bring at least so much.
pay BNMXMXMM COBADEFF send=USD amount=500.00 deliver=EUR min=459.14 mode=send
pay BNMXMXMM COBADEFF send=USD amount=500.00 deliver=EUR min=459.13 mode=send
----
deliver_min_not_met
applied: EUR 459.13 for USD 500.00
  transfer   BNMXMXMM USD@CHASUS33      -500.00 -> 8193.88
  transfer   XCHHHKHH USD@CHASUS33       500.00 -> 1371.20
  transfer   XCHHHKHH EUR@DEUTDEFF      -459.13 -> 3740.87
  transfer   COBADEFF EUR@DEUTDEFF       459.13 -> 1659.13

# Partial only when asked, and then delivered is the only figure to book.
pay BNMXMXMM COBADEFF deliver=EUR amount=10000.00 send=USD max=100000.00
pay BNMXMXMM COBADEFF deliver=EUR amount=10000.00 send=USD max=100000.00 partial=3800.00
pay BNMXMXMM COBADEFF deliver=EUR amount=10000.00 send=USD max=1000.00 partial=0.00
----
shortfall
deliver_min_not_met
applied: EUR 918.27 for USD 1000.00
  transfer   BNMXMXMM USD@CHASUS33     -1000.00 -> 7193.88
  transfer   XCHHHKHH USD@CHASUS33      1000.00 -> 2371.20
  transfer   XCHHHKHH EUR@DEUTDEFF      -918.27 -> 2822.60
  transfer   COBADEFF EUR@DEUTDEFF       918.27 -> 2577.40
