package iso20022

import "time"

// Message is one document that was read: what it is, who sent it, and its tree.
type Message struct {
	Type    string  // "pacs.008"
	Version string  // "001.08"
	Header  *AppHdr // nil when the document had none
	Root    *Node   // the Document element

	src string // the document, for the lines of findings
}

// ID returns the message definition identifier, "pacs.008.001.08".
func (m *Message) ID() string { return m.Type + "." + m.Version }

// AppHdr is the business application header, head.001.
type AppHdr struct {
	Version    string // "001.02"; "001.01" is read, never written
	From, To   string // BICs, as written; empty when the party is not named by a BIC
	BizMsgIdr  string
	MsgDefIdr  string
	BizSvc     string
	Created    time.Time // zero when it cannot be read
	PossibleDp bool      // PssblDplct: the sender may have sent it before

	Root *Node
}

// Parse reads one document and checks it against its schema and the rules of the profile. The
// message is nil when none could be made out; otherwise it holds what could be read, whatever the
// findings. No findings: the message is valid. The findings stand in the order of the document.
func Parse(data []byte, profile Profile) (*Message, []Finding) {
	r := read(data)
	r.versionFindings(profile)
	var m *Message
	if r.document != nil {
		m = &Message{Root: r.document, src: r.src}
		m.Type, m.Version, _ = versionOf(r.messageID)
		if r.header != nil {
			m.Header = header(r.header, r.headerID)
		}
		if !r.stopped && !refusedVersion(r.findings) {
			r.findings = m.apply(profile, r.findings)
		}
	}
	place(r.src, r.findings)
	return m, r.findings
}

// Check is Parse, and for a credit transfer that passes it what keeps its money from being moved.
func Check(data []byte, profile Profile) (*Message, []Finding) {
	m, findings := Parse(data, profile)
	if m != nil && len(findings) == 0 && (m.Type == "pacs.008" || m.Type == "pacs.009") {
		_, findings = m.CreditTransfer()
	}
	return m, findings
}

func header(n *Node, id string) *AppHdr {
	h := &AppHdr{
		From:      n.Value("Fr", "FIId", "FinInstnId", "BICFI"),
		To:        n.Value("To", "FIId", "FinInstnId", "BICFI"),
		BizMsgIdr: n.Value("BizMsgIdr"),
		MsgDefIdr: n.Value("MsgDefIdr"),
		BizSvc:    n.Value("BizSvc"),
		Root:      n,
	}
	_, h.Version, _ = versionOf(id)
	h.Created, _ = parseDateTime(n.Value("CreDt"))
	switch trimSpace(n.Value("PssblDplct")) {
	case "true", "1":
		h.PossibleDp = true
	}
	return h
}

// parseDateTime reads an ISODateTime; one without a time zone is taken as UTC.
func parseDateTime(s string) (time.Time, bool) {
	s = trimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
