package iso20022

import (
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
)

// transactions returns the transaction elements of a message.
func (m *Message) transactions() []*Node { return transactionsOf(m.body()) }

// transactionsOf returns the transactions in a body, or in one of the lots of an initiation.
func transactionsOf(body *Node) (list []*Node) {
	for n := range body.Children("") {
		switch n.Name {
		case "CdtTrfTxInf", "TxInf", "TxInfAndSts":
			list = append(list, n)
		case "PmtInf", "Undrlyg":
			list = append(list, transactionsOf(n)...)
		}
	}
	return list
}

// counted returns the transactions that a NbOfTxs or CtrlSum speaks of: those of its lot, or all.
func (c *checker) counted(n *Node) []*Node {
	if n.parent.Name == "PmtInf" {
		return transactionsOf(n.parent)
	}
	return c.m.transactions()
}

// sumOf returns the amount of a transaction that a sum adds up.
func sumOf(t *Node) *Node {
	for _, at := range [][]string{{"IntrBkSttlmAmt"}, {"RtrdIntrBkSttlmAmt"}, {"Amt", "InstdAmt"}, {"Amt", "EqvtAmt", "Amt"}} {
		if a := t.At(at...); a != nil {
			return a
		}
	}
	return nil
}

// wholeGroup tells whether a return sends back all of a group, whose transactions it need not repeat.
func (c *checker) wholeGroup() bool {
	switch trimSpace(c.m.body().Value("GrpHdr", "GrpRtr")) {
	case "true", "1":
		return len(c.m.transactions()) == 0
	}
	return false
}

func numberOfTransactions(c *checker, n *Node) {
	if c.wholeGroup() {
		return
	}
	if got := len(c.counted(n)); plain(n.Text) != strconv.Itoa(got) {
		c.fail(n, "NbOfTxs says %s, the message has %d", clip(n.Text), got)
	}
}

func oneTransaction(c *checker, n *Node) {
	if got := len(c.m.transactions()); got != 1 {
		c.fail(n, "a cross-border message carries one transaction, this one has %d", got)
	}
}

// settlementAmounts adds the amounts the transactions settle; ok only when they have one currency.
func (m *Message) settlementAmounts() (sum decimal.Decimal, ccy string, ok bool) {
	ok = true
	for _, n := range m.transactions() {
		a := sumOf(n)
		if a == nil || a.faulty || ccy != "" && ccy != a.Ccy {
			ok = false
			continue
		}
		sum, ccy = sum.Add(number(a)), a.Ccy
	}
	return sum, ccy, ok
}

func controlSum(c *checker, n *Node) {
	if c.wholeGroup() {
		return
	}
	var sum decimal.Decimal
	for _, t := range c.counted(n) {
		a := sumOf(t)
		if a == nil || a.faulty {
			return
		}
		sum = sum.Add(number(a)) // whatever the currencies: the standard wants the plain total
	}
	if !sum.Equal(number(n)) {
		c.fail(n, "CtrlSum says %s, the amounts add up to %s", clip(n.Text), sum)
	}
}

func totalAmount(c *checker, n *Node) {
	sum, ccy, ok := c.m.settlementAmounts()
	if ok && (ccy != n.Ccy || !sum.Equal(number(n))) {
		c.fail(n, "the total says %s %s, the amounts add up to %s %s", n.Ccy, clip(n.Text), ccy, sum)
	}
}

func settlementDateTwice(c *checker, n *Node) {
	if c.m.body().At("GrpHdr", "IntrBkSttlmDt") != nil {
		c.fail(n, "the settlement date stands in the group header already")
	}
}

func amountZero(c *checker, n *Node) {
	if number(n).IsZero() {
		c.fail(n, "the amount is zero")
	}
}

// currencyCode returns the code of an amount or of an element that is a currency.
func currencyCode(n *Node) string {
	if n.typ.ccy != nil {
		return n.Ccy
	}
	return n.Text
}

// currencyUnknown holds for currencies in use only where the schema wants those: amounts of the past
// may be in currencies of the past.
func currencyUnknown(c *checker, n *Node) {
	if n.typ.ccy == &typActiveCurrencyCode {
		currencyInUse(c, n)
	}
}

func currencyInUse(c *checker, n *Node) {
	code := currencyCode(n)
	if oneOf(commodities, code) || oneOf(funds, code) {
		return
	}
	if _, err := money.ParseCurrency(code); err != nil {
		c.fail(n, "%s is not a currency in use", code)
	}
}

func currencyDecimals(c *checker, n *Node) {
	if n.typ.ccy == nil || !strings.Contains(n.Text, ".") {
		return
	}
	if _, rule, _ := amount(n); rule == "currency_decimals" {
		c.fail(n, "%s has more decimals than %s has", clip(n.Text), n.Ccy)
	}
}

func commodityCurrency(c *checker, n *Node) {
	if code := currencyCode(n); oneOf(commodities, code) {
		c.fail(n, "%s is a commodity, not a currency", code)
	}
}

func exchangeRateMissing(c *checker, n *Node) {
	settled, instructed := n.Child("IntrBkSttlmAmt"), n.Child("InstdAmt")
	if settled != nil && instructed != nil && settled.Ccy != instructed.Ccy && n.Child("XchgRate") == nil {
		c.failAt(n, "XchgRate", c.rule.reason, "the instructed amount is in %s and settles in %s, but there is no rate", clip(instructed.Ccy), clip(settled.Ccy))
	}
}

func exchangeRateAlone(c *checker, n *Node) {
	settled, instructed := n.parent.Child("IntrBkSttlmAmt"), n.parent.Child("InstdAmt")
	switch {
	case instructed == nil:
		c.fail(n, "a rate needs an instructed amount")
	case settled != nil && settled.Ccy == instructed.Ccy:
		c.fail(n, "a rate between %s and %s has no meaning", clip(settled.Ccy), clip(instructed.Ccy))
	}
}

// exchangeRateDisagrees lets the product be rounded either way to the minor unit, and charges be
// taken off (by the banks on the way) or added (paid in advance).
func exchangeRateDisagrees(c *checker, n *Node) {
	tx := n.parent
	settled, rule, _ := amount(tx.Child("IntrBkSttlmAmt"))
	instructed := tx.Child("InstdAmt")
	if rule != "" || settled.Currency() == 0 || instructed == nil || instructed.faulty || instructed.Ccy == settled.Currency().String() {
		return
	}
	product := number(instructed).Mul(number(n))
	if charges, ok := charged(tx, instructed, number(n)); ok && !agree(settled, product, charges) {
		c.fail(n, "%s %s at %s is %s, not %s", instructed.Ccy, clip(instructed.Text), clip(n.Text), product, settled)
	}
}

// charged adds up a transaction's charges, in the currency that settles. It is not ok where one is in a
// third currency: what that was worth, the message does not say.
func charged(tx, instructed *Node, rate decimal.Decimal) (sum decimal.Decimal, ok bool) {
	settled := tx.Child("IntrBkSttlmAmt").Ccy
	for ch := range tx.Children("ChrgsInf") {
		switch a := ch.Child("Amt"); {
		case a == nil || a.faulty:
		case a.Ccy == settled:
			sum = sum.Add(number(a))
		case a.Ccy == instructed.Ccy:
			sum = sum.Add(number(a).Mul(rate))
		case !number(a).IsZero():
			return sum, false
		}
	}
	return sum, true
}

// agree tells whether an amount is what was expected, to the minor unit: as it is, less the charges the
// banks took, or with the charges the debtor prepaid.
func agree(settled money.Amount, expected, charges decimal.Decimal) bool {
	unit := decimal.New(1, -int32(settled.Currency().Digits()))
	for _, e := range []decimal.Decimal{expected, expected.Sub(charges), expected.Add(charges)} {
		if e.Sub(settled.Decimal()).Abs().LessThan(unit) {
			return true
		}
	}
	return false
}

// amountsDisagree is the same without an exchange: the instructed amount arrives, but for the charges
// that are stated.
func amountsDisagree(c *checker, n *Node) {
	tx := n.parent
	settled, rule, _ := amount(tx.Child("IntrBkSttlmAmt"))
	if rule != "" || settled.Currency() == 0 || n.Ccy != settled.Currency().String() {
		return
	}
	if charges, ok := charged(tx, n, decimal.Decimal{}); ok && !agree(settled, number(n), charges) { // of one currency, so that no rate is needed
		c.fail(n, "%s was instructed and %s settles, which the charges (%s) do not explain", clip(n.Text), settled.Value(), charges)
	}
}

func chargesMissing(c *checker, n *Node) {
	if n.Text == "CRED" && n.parent.Child("ChrgsInf") == nil {
		c.failAt(n.parent, "ChrgsInf", c.rule.reason, "charges borne by the creditor are stated, even if nothing was taken")
	}
}

// chargesOnce: charges borne by the debtor are prepaid to the next bank, so there is one amount of them.
func chargesOnce(c *checker, n *Node) {
	if n.Text != "DEBT" {
		return
	}
	for ch := range n.parent.Children("ChrgsInf") {
		if ch.index == 2 {
			c.fail(ch, "charges borne by the debtor are stated once, as what was prepaid")
		}
	}
}

func chargesInstructedAmount(c *checker, n *Node) {
	if n.index == 1 && n.parent.Child("InstdAmt") == nil {
		c.failAt(n.parent, "InstdAmt", c.rule.reason, "a transfer with charges states the instructed amount")
	}
}

// chargesCurrency: what is prepaid came with the settlement. What banks on the way took off they took in
// the currency of their leg.
func chargesCurrency(c *checker, n *Node) {
	tx := n.parent.parent
	if tx.Value("ChrgBr") != "DEBT" {
		return
	}
	if settled := tx.Child("IntrBkSttlmAmt"); settled != nil && settled.Ccy != n.Ccy {
		c.fail(n, "prepaid charges are in the currency that settles, %s, not %s", clip(settled.Ccy), clip(n.Ccy))
	}
}

func remittanceExclusive(c *checker, n *Node) {
	lines := 0
	for range n.Children("Ustrd") {
		lines++
	}
	switch {
	case lines > 1:
		c.fail(n, "one line of unstructured remittance information is allowed, there are %d", lines)
	case lines == 1 && n.Child("Strd") != nil:
		c.fail(n, "remittance information is structured or unstructured, not both")
	case n.parent.Child("RltdRmtInf") != nil:
		c.fail(n, "remittance information is here or elsewhere, not both")
	}
}

func statusReason(c *checker, n *Node) {
	if n.Value("TxSts") == string(Rejected) && n.At("StsRsnInf", "Rsn") == nil {
		c.failAt(n, "StsRsnInf", c.rule.reason, "a rejection says why")
	}
}

// codes allows some of the codes the schema has.
func codes(allowed ...string) func(*checker, *Node) {
	return func(c *checker, n *Node) {
		if !oneOf(allowed, n.Text) {
			c.fail(n, "%s is not used here; one of %s is", clip(n.Text), strings.Join(allowed, ", "))
		}
	}
}

// required asks for elements the schema leaves to choice.
func required(names ...string) func(*checker, *Node) {
	return func(c *checker, n *Node) {
		for _, name := range names {
			if n.Child(name) == nil {
				c.failAt(n, name, c.rule.reason, "%s needs the element %s", n.Name, name)
			}
		}
	}
}

// notUsed refuses elements the schema would allow.
func notUsed(names ...string) func(*checker, *Node) {
	return func(c *checker, n *Node) {
		for _, name := range names {
			if child := n.Child(name); child != nil {
				c.fail(child, "%s is not used across borders", name)
			}
		}
	}
}
