package iso20022

import "strings"

// IsAdvice says whether a pacs.009 moves nothing itself: its business service says that it is an advice
// of another one, or it settles by cover, as no other pacs.009 does.
func (m *Message) IsAdvice() bool {
	return m.Type == "pacs.009" && (m.crossBorderService("adv.") || m.Method() == "COVE")
}

// crossBorderService tells whether the header names the CBPR+ service of that use, "cov."; any of them
// for "".
func (m *Message) crossBorderService(use string) bool {
	return m.Header != nil && strings.HasPrefix(m.Header.BizSvc, "swift.cbprplus."+use)
}

// Method returns how a transfer or a return settles, SttlmMtd.
func (m *Message) Method() string { return m.body().Value("GrpHdr", "SttlmInf", "SttlmMtd") }

// Assignee returns the BIC of the bank that a recall or the answer to one is for; nothing when it is not
// named by a BIC.
func (m *Message) Assignee() string {
	return m.body().Value("Assgnmt", "Assgne", "Agt", "FinInstnId", "BICFI")
}
