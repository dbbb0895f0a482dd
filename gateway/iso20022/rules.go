package iso20022

import (
	"fmt"
	"strings"
)

// rule is one agreement above the schema. It runs at every element its path names, in the messages
// it names, under the profiles it names.
type rule struct {
	id       string
	profiles profiles
	messages string // "pacs.008 pacs.009"; "" for every message
	at       string // the end of an element's path, "GrpHdr/NbOfTxs"; "*" for every element that holds text
	reason   string // ISO external status reason code
	check    func(c *checker, n *Node)
}

// Sets of messages and places that several rules share.
const (
	transfers = "pacs.008 pacs.009"
	payments  = "pacs.008 pacs.009 pacs.004"
	initiated = payments + " pain.001"
	routed    = "pacs.008 pacs.009 pacs.004 pacs.002 pacs.028" // they name instructing and instructed agent
)

// rules is the rule book. A rule's id never changes its meaning. What a rule cannot tell because
// an element is missing or faulty it leaves to the rule or the schema that says so.
var rules = []rule{
	// The standard's own arithmetic and code lists.
	{"number_of_transactions", every, initiated, "GrpHdr/NbOfTxs", "AM18", numberOfTransactions},
	{"control_sum", every, initiated, "GrpHdr/CtrlSum", "AM10", controlSum},
	{"number_of_transactions", every, "pain.001", "PmtInf/NbOfTxs", "AM18", numberOfTransactions},
	{"control_sum", every, "pain.001", "PmtInf/CtrlSum", "AM10", controlSum},
	{"total_amount", every, transfers, "GrpHdr/TtlIntrBkSttlmAmt", "AM10", totalAmount},
	{"settlement_date_twice", every, transfers, "CdtTrfTxInf/IntrBkSttlmDt", "DT01", settlementDateTwice},
	{"amount_zero", every, transfers, "CdtTrfTxInf/IntrBkSttlmAmt", "AM01", amountZero},
	{"amount_zero", every, "pacs.004", "TxInf/RtrdIntrBkSttlmAmt", "AM01", amountZero},
	{"currency_unknown", every, "", "@Ccy", "AM11", currencyUnknown},
	{"currency_decimals", every, "", "@Ccy", "CH20", currencyDecimals},
	{"country_unknown", every, "", "Ctry", "BE09", countryUnknown},
	{"country_unknown", every, "", "CtryOfRes", "BE09", countryUnknown},
	{"exchange_rate_missing", every, transfers, "CdtTrfTxInf", "CH21", exchangeRateMissing},
	{"exchange_rate_alone", every, transfers, "CdtTrfTxInf/XchgRate", "CH17", exchangeRateAlone},
	{"reimbursement_agents", every, payments, "GrpHdr/SttlmInf", "CH17", reimbursementAgents},
	{"settlement_account", every, payments, "SttlmInf/SttlmAcct", "CH17", settlementBy("INDA", "INGA")},
	{"clearing_system", every, payments, "SttlmInf/ClrSys", "CH17", settlementBy("CLRG")},
	{"agent_order", every, transfers, "CdtTrfTxInf", "CH21", agentOrder},
	{"account_without_agent", every, transfers, "CdtTrfTxInf", "CH21", accountWithoutAgent},
	{"account_without_agent", every, payments, "GrpHdr/SttlmInf", "CH21", accountWithoutAgent},

	// Check digits, and sums that must agree.
	{"iban_check", strict, "", "IBAN", "AC01", ibanCheck},
	{"lei_check", strict, "", "LEI", "CH16", leiCheck},
	{"bic_country", strict, "", "BICFI", "RC01", bicCountry},
	{"bic_country", strict, "", "AnyBIC", "RC01", bicCountry},
	{"currency_unknown", strict, transfers, "CdtTrfTxInf/InstdAmt", "AM11", currencyInUse},
	{"commodity_currency", strict, "", "@Ccy", "AM03", commodityCurrency},
	{"commodity_currency", profiles(1 << ISO), transfers, "CdtTrfTxInf/IntrBkSttlmAmt", "AM03", commodityCurrency},
	{"commodity_currency", profiles(1 << ISO), transfers, "CdtTrfTxInf/InstdAmt", "AM03", commodityCurrency},
	{"exchange_rate_disagrees", strict, transfers, "CdtTrfTxInf/XchgRate", "AM09", exchangeRateDisagrees},
	{"stated_twice", strict, transfers, "CdtTrfTxInf", "CH17", statedTwice},
	{"charges_instructed_amount", strict, "pacs.008", "CdtTrfTxInf/ChrgsInf", "CH21", chargesInstructedAmount},
	{"cheque_account", strict, "pacs.008", "InstrForCdtrAgt/Cd", "CH17", chequeAccount},

	// The header and the message name the same banks and the same message.
	{"header_message", every, "", "AppHdr/MsgDefIdr", "FF01", headerMessage},
	{"header_missing", cbpr, "", "Document", "CH21", headerMissing},
	{"header_version", cbpr, "", "AppHdr", "FF01", headerVersion},
	{"header_reference", cbpr, "", "AppHdr/BizMsgIdr", "FF01", headerReference},
	{"header_bic_missing", cbpr, "", "AppHdr/Fr", "RC01", headerBIC},
	{"header_bic_missing", cbpr, "", "AppHdr/To", "RC01", headerBIC},
	{"header_sender", every, routed, "InstgAgt/FinInstnId/BICFI", "AGNT", headerSender},
	{"header_receiver", every, routed, "InstdAgt/FinInstnId/BICFI", "AGNT", headerReceiver},
	{"header_sender", every, "camt.056 camt.029", "Assgnmt/Assgnr/Agt/FinInstnId/BICFI", "AGNT", headerSender},
	{"header_receiver", every, "camt.056 camt.029", "Assgnmt/Assgne/Agt/FinInstnId/BICFI", "AGNT", headerReceiver},
	{"datetime_offset", cbpr, "", "CreDtTm", "DT01", dateTimeOffset},
	{"datetime_offset", cbpr, "", "AppHdr/CreDt", "DT01", dateTimeOffset},

	// What a cross-border payment carries.
	{"one_transaction", cbpr, payments, "GrpHdr", "AM18", oneTransaction},
	{"one_transaction", cbpr, "pacs.002", "FIToFIPmtStsRpt", "AM18", oneTransaction},
	{"one_transaction", cbpr, "pacs.028", "FIToFIPmtStsReq", "AM18", oneTransaction},
	{"one_transaction", cbpr, "camt.056", "FIToFIPmtCxlReq", "AM18", oneTransaction},
	{"element_not_used", cbpr, transfers, "GrpHdr", "CH17", notUsed("BtchBookg", "CtrlSum", "TtlIntrBkSttlmAmt", "IntrBkSttlmDt", "PmtTpInf", "InstgAgt", "InstdAgt")},
	{"element_not_used", cbpr, transfers, "CdtTrfTxInf", "CH17", notUsed("AccptncDtTm", "PoolgAdjstmntDt", "SplmtryData")},
	{"element_required", cbpr, transfers, "CdtTrfTxInf", "CH21", required("IntrBkSttlmDt", "InstgAgt", "InstdAgt")},
	{"element_required", cbpr, transfers, "PmtId", "CH21", required("InstrId", "UETR")},
	{"element_required", cbpr, "pacs.004", "TxInf", "CH21", required("OrgnlUETR", "RtrdIntrBkSttlmAmt", "IntrBkSttlmDt", "InstgAgt", "InstdAgt", "RtrRsnInf")},
	{"element_required", cbpr, "pacs.002", "TxInfAndSts", "CH21", required("OrgnlGrpInf", "OrgnlEndToEndId", "OrgnlUETR", "TxSts", "InstgAgt", "InstdAgt")},
	{"status_reason_missing", cbpr, "pacs.002", "TxInfAndSts", "CH21", statusReason},
	{"settlement_method", cbpr, "pacs.008", "GrpHdr/SttlmInf/SttlmMtd", "CH16", codes("INDA", "INGA", "COVE")},
	{"settlement_method", cbpr, "pacs.009", "GrpHdr/SttlmInf/SttlmMtd", "CH16", bankSettlement},
	{"settlement_method", cbpr, "pacs.004", "GrpHdr/SttlmInf/SttlmMtd", "CH16", codes("INDA", "INGA", "COVE")},
	{"cover_service", cbpr, "pacs.009", "CdtTrfTxInf", "CH17", coverService},
	{"charge_bearer", cbpr, "pacs.008", "CdtTrfTxInf/ChrgBr", "CH16", codes("CRED", "DEBT", "SHAR")},
	{"charges_missing", cbpr, "pacs.008", "CdtTrfTxInf/ChrgBr", "CH21", chargesMissing},
	{"charges_once", cbpr, "pacs.008", "CdtTrfTxInf/ChrgBr", "CH17", chargesOnce},
	{"amounts_disagree", cbpr, "pacs.008", "CdtTrfTxInf/InstdAmt", "AM09", amountsDisagree},
	{"charges_currency", cbpr, "pacs.008", "CdtTrfTxInf/ChrgsInf/Amt", "CURR", chargesCurrency},
	{"instruction_codes", cbpr, "pacs.008", "CdtTrfTxInf", "CH17", instructionCodes},
	{"remittance_exclusive", cbpr, transfers, "CdtTrfTxInf/RmtInf", "CH17", remittanceExclusive},

	// Who takes part, and how they are named.
	{"agent_bic_missing", cbpr, routed, "InstgAgt/FinInstnId", "RC01", agentBIC},
	{"agent_bic_missing", cbpr, routed, "InstdAgt/FinInstnId", "RC01", agentBIC},
	{"agent_identification", cbpr, payments, "FinInstnId", "AGNT", agentIdentification},
	{"agent_clearing_code", cbpr, payments, "FinInstnId/ClrSysMmbId", "AGNT", agentClearingCode},
	{"party_name_missing", cbpr, "pacs.008", "CdtTrfTxInf/Dbtr", "BE21", partyName},
	{"party_name_missing", cbpr, "pacs.008", "CdtTrfTxInf/Cdtr", "BE22", partyName},
	{"party_name_missing", cbpr, "pacs.008", "CdtTrfTxInf/UltmtDbtr", "BE21", namedAddress},
	{"party_name_missing", cbpr, "pacs.008", "CdtTrfTxInf/UltmtCdtr", "BE22", namedAddress},
	{"party_name_missing", cbpr, "pacs.008", "CdtTrfTxInf/InitgPty", "BE21", namedAddress},
	{"address_unstructured", sr2026, "", "PstlAdr", "", addressUnstructured},
	{"address_town_country", cbpr, "", "PstlAdr", "", addressTownCountry},
	{"address_lines", cbpr, "", "PstlAdr", "CH16", addressLines},

	// References and characters.
	{"reference_length", cbpr, transfers, "PmtId/InstrId", "CH16", referenceLength},
	{"reference_slash", cbpr, "", "AppHdr/BizMsgIdr", "CH16", referenceSlash},
	{"reference_slash", cbpr, "", "GrpHdr/MsgId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "", "PmtId/InstrId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "", "PmtId/EndToEndId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "", "PmtId/TxId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "", "PmtId/ClrSysRef", "CH16", referenceSlash},
	{"reference_slash", cbpr, "pacs.004", "TxInf/RtrId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "pacs.002", "TxInfAndSts/StsId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "pacs.028", "TxInf/StsReqId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "camt.056 camt.029", "Assgnmt/Id", "CH16", referenceSlash},
	{"reference_slash", cbpr, "camt.056", "TxInf/CxlId", "CH16", referenceSlash},
	{"reference_slash", cbpr, "camt.056", "Case/Id", "CH16", referenceSlash},
	{"charset_x", cbpr, "", "*", "CH16", characterSet},
}

// rulesAt finds the rules by the last name of their path.
var rulesAt = func() map[string][]*rule {
	index := map[string][]*rule{}
	for i := range rules {
		at := rules[i].at
		last := at[strings.LastIndexByte(at, '/')+1:]
		index[last] = append(index[last], &rules[i])
	}
	return index
}()

// checker runs the rules of one profile over one message.
type checker struct {
	m        *Message
	profile  Profile
	rule     *rule
	findings []Finding

	countries []string // of the banks, once a rule asked for them
}

// apply adds what the rules of the profile find.
func (m *Message) apply(p Profile, findings []Finding) []Finding {
	c := &checker{m: m, profile: p, findings: findings}
	if m.Header != nil {
		c.walk(m.Header.Root)
	}
	c.walk(m.Root)
	return c.findings
}

func (c *checker) walk(n *Node) {
	c.run(rulesAt[n.Name], n)
	if n.typ.ccy != nil {
		c.run(rulesAt["@Ccy"], n)
	} else if n.first == nil && n.Name == "Ccy" {
		c.run(rulesAt["@Ccy"], n)
	}
	if n.typ.kind == kindText {
		c.run(rulesAt["*"], n)
	}
	for child := n.first; child != nil; child = child.next {
		c.walk(child)
	}
}

func (c *checker) run(list []*rule, n *Node) {
	for _, r := range list {
		if n.faulty || len(c.findings) >= maxFindings {
			return
		}
		if r.profiles.has(c.profile) && (r.messages == "" || strings.Contains(r.messages, c.m.Type)) && n.under(r.at) {
			c.rule = r
			r.check(c, n)
		}
	}
}

// under tells whether the path of n ends in at; its last name is known to fit.
func (n *Node) under(at string) bool {
	for i := strings.LastIndexByte(at, '/'); i >= 0; i = strings.LastIndexByte(at, '/') {
		at = at[:i]
		n = n.parent
		if n == nil || n.Name != at[strings.LastIndexByte(at, '/')+1:] {
			return false
		}
	}
	return true
}

// fail reports that n breaks the rule that runs.
func (c *checker) fail(n *Node, format string, args ...any) {
	c.failAt(n, "", c.rule.reason, format, args...)
}

// failAt reports it at a child that is missing, or with a reason of its own. Above the message n is nil.
func (c *checker) failAt(n *Node, below, reason, format string, args ...any) {
	if len(c.findings) >= maxFindings {
		return
	}
	f := Finding{Rule: c.rule.id, Path: n.Path(), Reason: reason, Message: fmt.Sprintf(format, args...)}
	if below != "" {
		f.Path += "/" + below
	}
	if n != nil {
		f.offset = int(n.offset)
	}
	c.findings = append(c.findings, f)
}

// value returns a child's text unless the child is missing or faulty.
func (n *Node) value(name string) (string, bool) {
	c := n.Child(name)
	if c == nil || c.faulty {
		return "", false
	}
	return c.Text, true
}
