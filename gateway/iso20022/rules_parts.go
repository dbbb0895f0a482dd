package iso20022

import "strings"

// reimbursementAgents: a transfer by cover names the instructing or the instructed bank's agent, and a third
// only between both; no other method has any.
func reimbursementAgents(c *checker, n *Node) {
	method, ok := n.value("SttlmMtd")
	if !ok {
		return
	}
	sender, receiver, third := n.Child("InstgRmbrsmntAgt"), n.Child("InstdRmbrsmntAgt"), n.Child("ThrdRmbrsmntAgt")
	switch {
	case method != "COVE":
		for _, agent := range []*Node{sender, receiver, third} {
			if agent != nil {
				c.fail(agent, "%s names no reimbursement agents", method)
			}
		}
	case sender == nil && receiver == nil:
		c.failAt(n, "InstgRmbrsmntAgt", "CH21", "a transfer that settles by cover names a reimbursement agent")
	case third != nil && sender == nil:
		c.failAt(n, "InstgRmbrsmntAgt", "CH21", "a third reimbursement agent stands between two others")
	case third != nil && receiver == nil:
		c.failAt(n, "InstdRmbrsmntAgt", "CH21", "a third reimbursement agent stands between two others")
	}
}

// settlementBy allows an element of the settlement instruction with some methods only.
func settlementBy(methods ...string) func(*checker, *Node) {
	return func(c *checker, n *Node) {
		if method, ok := n.parent.value("SttlmMtd"); ok && !oneOf(methods, method) {
			c.fail(n, "%s does not go with %s", n.Name, method)
		}
	}
}

// bankSettlement: an advice says that others settle; every other transfer between banks settles itself.
func bankSettlement(c *checker, n *Node) {
	if n.Text == "COVE" && c.m.crossBorderService("adv.") {
		return
	}
	codes("INDA", "INGA")(c, n)
}

// coverService: the header's service says whether a transfer between banks covers a customer's.
func coverService(c *checker, n *Node) {
	if !c.m.crossBorderService("") {
		return
	}
	says := c.m.crossBorderService("cov.")
	underlying := n.Child("UndrlygCstmrCdtTrf")
	switch {
	case says && underlying == nil:
		c.failAt(n, "UndrlygCstmrCdtTrf", "CH21", "the service %s is of covers, and no underlying transfer is there", clip(c.m.Header.BizSvc))
	case !says && underlying != nil:
		c.fail(underlying, "the service %s is not of covers", clip(c.m.Header.BizSvc))
	}
}

// agentOrder: the second of several agents is there only after the first.
func agentOrder(c *checker, n *Node) {
	for _, kind := range []string{"IntrmyAgt", "PrvsInstgAgt"} {
		for _, i := range []string{"2", "3"} {
			before := kind + string(i[0]-1)
			if n.Child(kind+i) != nil && n.Child(before) == nil {
				c.failAt(n, before, c.rule.reason, "%s follows %s, which is not there", kind+i, before)
			}
		}
	}
}

// accountWithoutAgent: an agent's account belongs to an agent that is named.
func accountWithoutAgent(c *checker, n *Node) {
	for child := range n.Children("") {
		if agent, ok := strings.CutSuffix(child.Name, "Acct"); ok && strings.Contains(agent, "Agt") && n.Child(agent) == nil {
			c.failAt(n, agent, c.rule.reason, "%s is the account of %s, which is not there", child.Name, agent)
		}
	}
}

// statedTwice: what the group header says for all transactions, none says again.
func statedTwice(c *checker, n *Node) {
	for _, name := range []string{"PmtTpInf", "InstgAgt", "InstdAgt"} {
		if again := n.Child(name); again != nil && c.m.body().At("GrpHdr", name) != nil {
			c.fail(again, "%s stands in the group header already", name)
		}
	}
}

// chequeAccount: who is paid by cheque is not paid on an account.
func chequeAccount(c *checker, n *Node) {
	if account := n.parent.parent.Child("CdtrAcct"); n.Text == "CHQB" && account != nil {
		c.fail(account, "a creditor paid by cheque (CHQB) has no account")
	}
}

// instructionCodes: no code twice, no account to be paid and held or called by two ways at once.
func instructionCodes(c *checker, n *Node) {
	seen := map[string]bool{}
	for i := range n.Children("InstrForCdtrAgt") {
		code, ok := i.value("Cd")
		if !ok {
			continue
		}
		other := map[string]string{"CHQB": "HOLD", "HOLD": "CHQB", "PHOB": "TELB", "TELB": "PHOB"}[code]
		switch {
		case seen[code]:
			c.fail(i, "the instruction %s is given twice", code)
		case seen[other]:
			c.fail(i, "the instructions %s and %s exclude each other", other, code)
		}
		seen[code] = true
	}
}
