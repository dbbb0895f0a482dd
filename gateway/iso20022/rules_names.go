package iso20022

import (
	"strings"
	"unicode/utf8"
)

// headerMissing says nothing of a header that is there but was not understood: that is a finding already.
func headerMissing(c *checker, n *Node) {
	for _, f := range c.findings {
		if f.Path == "/AppHdr" {
			return
		}
	}
	if c.m.Header == nil {
		c.failAt(nil, "AppHdr", c.rule.reason, "a cross-border message has a business application header")
	}
}

func headerVersion(c *checker, n *Node) {
	if id := "head.001." + c.m.Header.Version; id != headerID {
		c.fail(n, "the header is %s; across borders it is %s", id, headerID)
	}
}

// headerMessage holds for every header but one under the standard alone that names no service: what a
// market writes there is its own.
func headerMessage(c *checker, n *Node) {
	if c.profile == ISO && !c.crossBorder() {
		return
	}
	if n.Text != c.m.ID() {
		c.fail(n, "the header says %s, the document is %s", clip(n.Text), c.m.ID())
	}
}

// headerReference compares with the identifier of the message: in the group header, or where the
// exceptions and investigations keep theirs.
func headerReference(c *checker, n *Node) {
	body := c.m.body()
	id, ok := body.Child("GrpHdr").value("MsgId")
	if !ok {
		id, ok = body.Child("Assgnmt").value("Id")
	}
	if ok && id != n.Text {
		c.fail(n, "the header's BizMsgIdr %s is not the message's own, %s", clip(n.Text), clip(id))
	}
}

func headerBIC(c *checker, n *Node) {
	if n.At("FIId", "FinInstnId", "BICFI") == nil {
		c.fail(n, "%s is named by its BIC", n.Name)
	}
}

// sameBIC tells whether two BICs name the same bank: eight characters are its head office, and so is its branch
// XXX.
func sameBIC(a, b string) bool {
	office := func(bic string) string {
		if len(bic) == 11 {
			return strings.TrimSuffix(bic, "XXX")
		}
		return bic
	}
	return office(a) == office(b)
}

// crossBorder tells whether the message is held to what a header means across borders: under CBPR+
// all are, elsewhere those whose header names a CBPR+ service. A domestic header may go to the system
// while the message goes to a bank.
func (c *checker) crossBorder() bool {
	return cbpr.has(c.profile) || c.m.crossBorderService("")
}

func headerSender(c *checker, n *Node) {
	if h := c.m.Header; h != nil && c.crossBorder() && h.From != "" && n.inDocument() && !sameBIC(h.From, n.Text) {
		c.fail(n, "the header comes from %s, the message from %s", clip(h.From), clip(n.Text))
	}
}

func headerReceiver(c *checker, n *Node) {
	if h := c.m.Header; h != nil && c.crossBorder() && h.To != "" && n.inDocument() && !sameBIC(h.To, n.Text) {
		c.fail(n, "the header goes to %s, the message to %s", clip(h.To), clip(n.Text))
	}
}

// inDocument tells whether an agent is that of this message, not one of an original message that is
// spoken of.
func (n *Node) inDocument() bool {
	for p := n.parent; p != nil; p = p.parent {
		if strings.HasPrefix(p.Name, "Orgnl") || strings.HasPrefix(p.Name, "Undrlyg") {
			return false
		}
	}
	return true
}

func dateTimeOffset(c *checker, n *Node) {
	at := len(n.Text) - len("+00:00")
	if at < 0 || n.Text[at] != '+' && n.Text[at] != '-' || n.Text[at+3] != ':' {
		c.fail(n, "%s has no offset from UTC, like +00:00", clip(n.Text))
	}
}

func agentBIC(c *checker, n *Node) {
	if n.Child("BICFI") == nil {
		c.failAt(n, "BICFI", c.rule.reason, "%s is named by its BIC", n.parent.Name)
	}
}

// agentIdentification: a BIC alone, or a name with an address that has town and country. A clearing code
// alone is agentClearingCode's to judge.
func agentIdentification(c *checker, n *Node) {
	bic, name, adr := n.Child("BICFI"), n.Child("Nm"), n.Child("PstlAdr")
	switch n.parent.Name {
	case "FIId":
		return // header_bic_missing speaks of the header's
	case "InstgAgt", "InstdAgt":
		if bic == nil {
			return // agent_bic_missing does
		}
	}
	switch {
	case bic != nil && (name != nil || adr != nil):
		c.fail(n, "%s is named by its BIC alone, or by name and address, not by both", n.parent.Name)
	case bic != nil, name == nil && adr == nil && n.Child("ClrSysMmbId") != nil:
	case name == nil || adr == nil:
		c.fail(n, "%s needs a BIC, or a name and an address", n.parent.Name)
	}
}

// agentClearingCode: a clearing code alone names a bank only where all banks of the transfer are in one
// country.
func agentClearingCode(c *checker, n *Node) {
	bank := n.parent
	if bank.Child("BICFI") != nil || bank.Child("Nm") != nil || bank.Child("PstlAdr") != nil || bank.parent.Name == "InstgAgt" || bank.parent.Name == "InstdAgt" {
		return
	}
	if c.countries == nil {
		c.countries = c.m.countries()
	}
	if len(c.countries) > 1 {
		c.fail(bank, "%s is named by a clearing code alone, but the banks are in %s and %s", bank.parent.Name, clip(c.countries[0]), clip(c.countries[1]))
	}
}

// countries returns up to two countries that the banks of the transactions are in, by BIC or address.
func (m *Message) countries() []string {
	list := make([]string, 0, 2)
	for _, tx := range m.transactions() {
		for party := range tx.Children("") {
			f := party.Child("FinInstnId")
			country := f.Value("PstlAdr", "Ctry")
			if bic := f.Value("BICFI"); len(bic) >= 6 {
				country = bic[4:6]
			}
			if country != "" && !oneOf(list, country) {
				list = append(list, country)
			}
			if len(list) == 2 {
				return list
			}
		}
	}
	return list
}

// namedAddress: an address belongs to a name.
func namedAddress(c *checker, n *Node) {
	if n.Child("PstlAdr") != nil && n.Child("Nm") == nil {
		c.failAt(n, "Nm", c.rule.reason, "%s has an address and no name", n.Name)
	}
}

func partyName(c *checker, n *Node) {
	if n.Child("Nm") == nil && n.At("Id", "OrgId", "AnyBIC") == nil {
		c.failAt(n, "Nm", c.rule.reason, "%s has neither a name nor a BIC", n.Name)
	}
}

// addressReason is the ISO reason for a fault in the address of a debtor, a creditor, or another.
func addressReason(n *Node) string {
	for p := n.parent; p != nil; p = p.parent {
		switch p.Name {
		case "Dbtr", "UltmtDbtr":
			return "BE07"
		case "Cdtr", "UltmtCdtr":
			return "BE04"
		}
	}
	return "CH16"
}

// structured counts the lines of an address and tells whether it has anything else.
func structured(n *Node) (other bool, lines int) {
	for child := range n.Children("") {
		switch child.Name {
		case "AdrLine":
			lines++
		case "AdrTp":
		default:
			other = true
		}
	}
	return other, lines
}

func addressUnstructured(c *checker, n *Node) {
	if other, lines := structured(n); !other && lines > 0 {
		c.failAt(n, "", addressReason(n), "an address of lines alone is refused since November 2026; town and country have their own elements")
	}
}

func addressTownCountry(c *checker, n *Node) {
	if other, lines := structured(n); !other && lines > 0 {
		return
	}
	for _, name := range []string{"TwnNm", "Ctry"} {
		if n.Child(name) == nil {
			c.failAt(n, name, addressReason(n), "a structured or hybrid address has town and country")
		}
	}
}

// addressLines: a hybrid address has two lines of 70 characters at most, an unstructured one three of 35.
func addressLines(c *checker, n *Node) {
	other, lines := structured(n)
	most, width := 2, 70
	if !other {
		most, width = 3, 35
	}
	if lines > most {
		c.fail(n, "at most %d address lines are allowed here, there are %d", most, lines)
	}
	for line := range n.Children("AdrLine") {
		if utf8.RuneCountInString(line.Text) > width {
			c.fail(line, "an address line has at most %d characters here", width)
		}
	}
}

func referenceLength(c *checker, n *Node) {
	if utf8.RuneCountInString(n.Text) > 16 {
		c.fail(n, "%s has at most 16 characters across borders", n.Name)
	}
}

func referenceSlash(c *checker, n *Node) {
	if strings.HasPrefix(n.Text, "/") || strings.HasSuffix(n.Text, "/") || strings.Contains(n.Text, "//") {
		c.fail(n, "%s must not begin or end with a slash, or have two together", n.Name)
	}
}

// The X character set of SWIFT, and what CBPR+ adds to it in names, addresses and remittance
// information.
const (
	charsX     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ "
	charsWider = "!#$%&*=^_`{|}~\";<>@[\\]"
)

// allowedX has bit 1 for characters of the X set and bit 2 for those of the wider one.
var allowedX = func() (t [128]uint8) {
	for i := range len(charsX) {
		t[charsX[i]] = 3
	}
	for i := range len(charsWider) {
		t[charsWider[i]] = 2
	}
	return t
}()

func characterSet(c *checker, n *Node) {
	if n.typ.pattern != nil || n.typ.enums != nil {
		return // the schema knows better
	}
	bit := uint8(1)
	if wider(n) {
		bit = 2
	}
	for i := 0; i < len(n.Text); i++ {
		if b := n.Text[i]; b < 0x80 && allowedX[b]&bit != 0 {
			continue
		}
		r, _ := utf8.DecodeRuneInString(n.Text[i:])
		c.fail(n, "the character %q at place %d is not in the character set", r, utf8.RuneCountInString(n.Text[:i])+1)
		return
	}
}

// wider tells whether an element may use the wider set.
func wider(n *Node) bool {
	if n.Name == "Nm" {
		return true
	}
	for p := n.parent; p != nil; p = p.parent {
		switch p.Name {
		case "PstlAdr", "CtctDtls", "Prxy", "RmtInf", "RltdRmtInf", "StsRsnInf", "RtrRsnInf", "CxlRsnInf", "CxlStsRsnInf":
			return true
		}
	}
	return false
}
