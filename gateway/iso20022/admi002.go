package iso20022

// admi002 is the message rejection, admi.002.001.01: the answer to a document in which no message
// could be made out.
var admi002 = schema{"admi.002.001.01", "Document", &typ{name: "Document", kind: kindSequence, els: []elem{
	{"admi.002.001.01", &typMessageReject, 1, 1},
}}}

var typMessageReject = typ{name: "admi.002.001.01", kind: kindSequence, els: []elem{
	{"RltdRef", &typMessageReference, 1, 1},
	{"Rsn", &typRejectionReason, 1, 1},
}}

var typMessageReference = typ{name: "MessageReference", kind: kindSequence, els: []elem{
	{"Ref", &typMax35Text, 1, 1},
}}

var typRejectionReason = typ{name: "RejectionReason2", kind: kindSequence, els: []elem{
	{"RjctgPtyRsn", &typMax35Text, 1, 1},
	{"RjctnDtTm", &typISODateTime, 0, 1},
	{"ErrLctn", &typMax350Text, 0, 1},
	{"RsnDesc", &typMax350Text, 0, 1},
	{"AddtlData", &typMax20000Text, 0, 1},
}}

var typMax20000Text = typ{name: "Max20000Text", kind: kindText, minLen: 1, maxLen: 20000}
