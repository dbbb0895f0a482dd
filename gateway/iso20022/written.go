package iso20022

// writtenSchemas are the definitions kept by hand, in the same form as the generated ones.
var writtenSchemas = []schema{
	{"admi.002.001.01", "Document", &typRejectDocument},
	{"head.001.001.01", "AppHdr", &typHeaderV01},
	{"pain.001.001.09", "Document", &typInitiationDocument},
	{"pain.002.001.10", "Document", &typInitiationReportDocument},
}

// The message rejection, admi.002.001.01: the answer to a document in which no message could be made
// out.
var (
	typRejectDocument = typ{name: "Document", kind: kindSequence, els: []elem{
		{"admi.002.001.01", &typMessageReject, 1, 1},
	}}
	typMessageReject = typ{name: "admi.002.001.01", kind: kindSequence, els: []elem{
		{"RltdRef", &typMessageReference, 1, 1},
		{"Rsn", &typRejectionReason, 1, 1},
	}}
	typMessageReference = typ{name: "MessageReference", kind: kindSequence, els: []elem{
		{"Ref", &typMax35Text, 1, 1},
	}}
	typRejectionReason = typ{name: "RejectionReason2", kind: kindSequence, els: []elem{
		{"RjctgPtyRsn", &typMax35Text, 1, 1},
		{"RjctnDtTm", &typISODateTime, 0, 1},
		{"ErrLctn", &typMax350Text, 0, 1},
		{"RsnDesc", &typMax350Text, 0, 1},
		{"AddtlData", &typMax20000Text, 0, 1},
	}}
	typMax20000Text = typ{name: "Max20000Text", kind: kindText, minLen: 1, maxLen: 20000}
)

// The header's first version, head.001.001.01, which several domestic markets still send.
var (
	typHeaderV01 = typ{name: "BusinessApplicationHeaderV01", kind: kindSequence, els: []elem{
		{"CharSet", &typUnicodeChartsCode, 0, 1},
		{"Fr", &typHeaderParty, 1, 1},
		{"To", &typHeaderParty, 1, 1},
		{"BizMsgIdr", &typMax35Text, 1, 1},
		{"MsgDefIdr", &typMax35Text, 1, 1},
		{"BizSvc", &typMax35Text, 0, 1},
		{"CreDt", &typISODateTime, 1, 1},
		{"CpyDplct", &typCopyDuplicate1Code, 0, 1},
		{"PssblDplct", &typYesNoIndicator, 0, 1},
		{"Prty", &typBusinessMessagePriorityCode, 0, 1},
		{"Sgntr", &typSignatureEnvelope, 0, 1},
		{"Rltd", &typRelatedHeaderV01, 0, 1},
	}}
	typRelatedHeaderV01 = typ{name: "BusinessApplicationHeader1", kind: kindSequence, els: []elem{
		{"CharSet", &typUnicodeChartsCode, 0, 1},
		{"Fr", &typHeaderParty, 1, 1},
		{"To", &typHeaderParty, 1, 1},
		{"BizMsgIdr", &typMax35Text, 1, 1},
		{"MsgDefIdr", &typMax35Text, 1, 1},
		{"BizSvc", &typMax35Text, 0, 1},
		{"CreDt", &typISODateTime, 1, 1},
		{"CpyDplct", &typCopyDuplicate1Code, 0, 1},
		{"PssblDplct", &typYesNoIndicator, 0, 1},
		{"Prty", &typBusinessMessagePriorityCode, 0, 1},
		{"Sgntr", &typSignatureEnvelope, 0, 1},
	}}
	typHeaderParty = typ{name: "Party9Choice", kind: kindChoice, els: []elem{
		{"OrgId", &typHeaderOrganisation, 1, 1},
		{"FIId", &typHeaderBank, 1, 1},
	}}
	typHeaderOrganisation = typ{name: "PartyIdentification42", kind: kindSequence, els: []elem{
		{"Nm", &typMax140Text, 0, 1},
		{"PstlAdr", &typPostalAddress6, 0, 1},
		{"Id", &typParty10Choice, 0, 1},
		{"CtryOfRes", &typCountryCode, 0, 1},
		{"CtctDtls", &typContactDetails2, 0, 1},
	}}
	typParty10Choice = typ{name: "Party10Choice", kind: kindChoice, els: []elem{
		{"OrgId", &typOrganisationIdentification7, 1, 1},
		{"PrvtId", &typPersonIdentification13, 1, 1},
	}}
	typOrganisationIdentification7 = typ{name: "OrganisationIdentification7", kind: kindSequence, els: []elem{
		{"AnyBIC", &typAnyBICDec2014Identifier, 0, 1},
		{"Othr", &typGenericOrganisationIdentification1, 0, many},
	}}
	typContactDetails2 = typ{name: "ContactDetails2", kind: kindSequence, els: []elem{
		{"NmPrfx", &typNamePrefix1Code, 0, 1},
		{"Nm", &typMax140Text, 0, 1},
		{"PhneNb", &typPhoneNumber, 0, 1},
		{"MobNb", &typPhoneNumber, 0, 1},
		{"FaxNb", &typPhoneNumber, 0, 1},
		{"EmailAdr", &typMax2048Text, 0, 1},
		{"Othr", &typMax35Text, 0, 1},
	}}
	typNamePrefix1Code = typ{name: "NamePrefix1Code", kind: kindText, enums: []string{"DOCT", "MIST", "MISS", "MADM"}}
	typHeaderBank      = typ{name: "BranchAndFinancialInstitutionIdentification5", kind: kindSequence, els: []elem{
		{"FinInstnId", &typFinancialInstitutionIdentification8, 1, 1},
		{"BrnchId", &typBranchData2, 0, 1},
	}}
	typFinancialInstitutionIdentification8 = typ{name: "FinancialInstitutionIdentification8", kind: kindSequence, els: []elem{
		{"BICFI", &typBICFIDec2014Identifier, 0, 1},
		{"ClrSysMmbId", &typClearingSystemMemberIdentification2, 0, 1},
		{"Nm", &typMax140Text, 0, 1},
		{"PstlAdr", &typPostalAddress6, 0, 1},
		{"Othr", &typGenericFinancialIdentification1, 0, 1},
	}}
	typBranchData2 = typ{name: "BranchData2", kind: kindSequence, els: []elem{
		{"Id", &typMax35Text, 0, 1},
		{"Nm", &typMax140Text, 0, 1},
		{"PstlAdr", &typPostalAddress6, 0, 1},
	}}
	typPostalAddress6 = typ{name: "PostalAddress6", kind: kindSequence, els: []elem{
		{"AdrTp", &typAddressType2Code, 0, 1},
		{"Dept", &typMax70Text, 0, 1},
		{"SubDept", &typMax70Text, 0, 1},
		{"StrtNm", &typMax70Text, 0, 1},
		{"BldgNb", &typMax16Text, 0, 1},
		{"PstCd", &typMax16Text, 0, 1},
		{"TwnNm", &typMax35Text, 0, 1},
		{"CtrySubDvsn", &typMax35Text, 0, 1},
		{"Ctry", &typCountryCode, 0, 1},
		{"AdrLine", &typMax70Text, 0, 7},
	}}
)
