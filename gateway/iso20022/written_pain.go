package iso20022

// The initiation of customer credit transfers, pain.001.001.09, and the report on it, pain.002.001.10.
// What they are made of is mostly what pacs.008 and pacs.002 are made of.
var (
	typInitiationDocument = typ{name: "Document", kind: kindSequence, els: []elem{
		{"CstmrCdtTrfInitn", &typInitiation, 1, 1},
	}}
	typInitiation = typ{name: "CustomerCreditTransferInitiationV09", kind: kindSequence, els: []elem{
		{"GrpHdr", &typGroupHeader85, 1, 1},
		{"PmtInf", &typPaymentInstruction30, 1, many},
		{"SplmtryData", &typSupplementaryData1, 0, many},
	}}
	typGroupHeader85 = typ{name: "GroupHeader85", kind: kindSequence, els: []elem{
		{"MsgId", &typMax35Text, 1, 1},
		{"CreDtTm", &typISODateTime, 1, 1},
		{"Authstn", &typAuthorisation1Choice, 0, 2},
		{"NbOfTxs", &typMax15NumericText, 1, 1},
		{"CtrlSum", &typDecimalNumber, 0, 1},
		{"InitgPty", &typPartyIdentification135, 1, 1},
		{"FwdgAgt", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
	}}
	typPaymentInstruction30 = typ{name: "PaymentInstruction30", kind: kindSequence, els: []elem{
		{"PmtInfId", &typMax35Text, 1, 1},
		{"PmtMtd", &typPaymentMethod3Code, 1, 1},
		{"BtchBookg", &typBatchBookingIndicator, 0, 1},
		{"NbOfTxs", &typMax15NumericText, 0, 1},
		{"CtrlSum", &typDecimalNumber, 0, 1},
		{"PmtTpInf", &typPaymentTypeInformation26, 0, 1},
		{"ReqdExctnDt", &typDateAndDateTime2Choice, 1, 1},
		{"PoolgAdjstmntDt", &typISODate, 0, 1},
		{"Dbtr", &typPartyIdentification135, 1, 1},
		{"DbtrAcct", &typCashAccount38, 1, 1},
		{"DbtrAgt", &typBranchAndFinancialInstitutionIdentification6, 1, 1},
		{"DbtrAgtAcct", &typCashAccount38, 0, 1},
		{"InstrForDbtrAgt", &typMax140Text, 0, 1},
		{"UltmtDbtr", &typPartyIdentification135, 0, 1},
		{"ChrgBr", &typChargeBearerType1Code, 0, 1},
		{"ChrgsAcct", &typCashAccount38, 0, 1},
		{"ChrgsAcctAgt", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
		{"CdtTrfTxInf", &typCreditTransferTransaction34, 1, many},
	}}
	typPaymentMethod3Code       = typ{name: "PaymentMethod3Code", kind: kindText, enums: []string{"CHK", "TRF", "TRA"}}
	typPaymentTypeInformation26 = typ{name: "PaymentTypeInformation26", kind: kindSequence, els: []elem{
		{"InstrPrty", &typPriority2Code, 0, 1},
		{"SvcLvl", &typServiceLevel8Choice, 0, many},
		{"LclInstrm", &typLocalInstrument2Choice, 0, 1},
		{"CtgyPurp", &typCategoryPurpose1Choice, 0, 1},
	}}
	typCreditTransferTransaction34 = typ{name: "CreditTransferTransaction34", kind: kindSequence, els: []elem{
		{"PmtId", &typPaymentIdentification6, 1, 1},
		{"PmtTpInf", &typPaymentTypeInformation26, 0, 1},
		{"Amt", &typAmountType4Choice, 1, 1},
		{"XchgRateInf", &typExchangeRate1, 0, 1},
		{"ChrgBr", &typChargeBearerType1Code, 0, 1},
		{"ChqInstr", &typCheque11, 0, 1},
		{"UltmtDbtr", &typPartyIdentification135, 0, 1},
		{"IntrmyAgt1", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
		{"IntrmyAgt1Acct", &typCashAccount38, 0, 1},
		{"IntrmyAgt2", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
		{"IntrmyAgt2Acct", &typCashAccount38, 0, 1},
		{"IntrmyAgt3", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
		{"IntrmyAgt3Acct", &typCashAccount38, 0, 1},
		{"CdtrAgt", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
		{"CdtrAgtAcct", &typCashAccount38, 0, 1},
		{"Cdtr", &typPartyIdentification135, 0, 1},
		{"CdtrAcct", &typCashAccount38, 0, 1},
		{"UltmtCdtr", &typPartyIdentification135, 0, 1},
		{"InstrForCdtrAgt", &typInstructionForCreditorAgent1, 0, many},
		{"InstrForDbtrAgt", &typMax140Text, 0, 1},
		{"Purp", &typPurpose2Choice, 0, 1},
		{"RgltryRptg", &typRegulatoryReporting3, 0, 10},
		{"Tax", &typTaxInformation8, 0, 1},
		{"RltdRmtInf", &typRemittanceLocation7, 0, 10},
		{"RmtInf", &typRemittanceInformation16, 0, 1},
		{"SplmtryData", &typSupplementaryData1, 0, many},
	}}
	typPaymentIdentification6 = typ{name: "PaymentIdentification6", kind: kindSequence, els: []elem{
		{"InstrId", &typMax35Text, 0, 1},
		{"EndToEndId", &typMax35Text, 1, 1},
		{"UETR", &typUUIDv4Identifier, 0, 1},
	}}
	typExchangeRate1 = typ{name: "ExchangeRate1", kind: kindSequence, els: []elem{
		{"UnitCcy", &typActiveOrHistoricCurrencyCode, 0, 1},
		{"XchgRate", &typBaseOneRate, 0, 1},
		{"RateTp", &typExchangeRateType1Code, 0, 1},
		{"CtrctId", &typMax35Text, 0, 1},
	}}
	typExchangeRateType1Code = typ{name: "ExchangeRateType1Code", kind: kindText, enums: []string{"SPOT", "SALE", "AGRD"}}
	typCheque11              = typ{name: "Cheque11", kind: kindSequence, els: []elem{
		{"ChqTp", &typChequeType2Code, 0, 1},
		{"ChqNb", &typMax35Text, 0, 1},
		{"ChqFr", &typNameAndAddress16, 0, 1},
		{"DlvryMtd", &typChequeDeliveryMethod1Choice, 0, 1},
		{"DlvrTo", &typNameAndAddress16, 0, 1},
		{"InstrPrty", &typPriority2Code, 0, 1},
		{"ChqMtrtyDt", &typISODate, 0, 1},
		{"FrmsCd", &typMax35Text, 0, 1},
		{"MemoFld", &typMax35Text, 0, 2},
		{"RgnlClrZone", &typMax35Text, 0, 1},
		{"PrtLctn", &typMax35Text, 0, 1},
		{"Sgntr", &typMax70Text, 0, 5},
	}}
	typChequeType2Code             = typ{name: "ChequeType2Code", kind: kindText, enums: []string{"CCHQ", "CCCH", "BCHQ", "DRFT", "ELDR"}}
	typChequeDeliveryMethod1Choice = typ{name: "ChequeDeliveryMethod1Choice", kind: kindChoice, els: []elem{
		{"Cd", &typChequeDelivery1Code, 1, 1},
		{"Prtry", &typMax35Text, 1, 1},
	}}
	typChequeDelivery1Code = typ{name: "ChequeDelivery1Code", kind: kindText, enums: []string{
		"MLDB", "MLCD", "MLFA", "CRDB", "CRCD", "CRFA", "PUDB", "PUCD", "PUFA", "RGDB", "RGCD", "RGFA",
	}}

	typInitiationReportDocument = typ{name: "Document", kind: kindSequence, els: []elem{
		{"CstmrPmtStsRpt", &typInitiationReport, 1, 1},
	}}
	typInitiationReport = typ{name: "CustomerPaymentStatusReportV10", kind: kindSequence, els: []elem{
		{"GrpHdr", &typGroupHeader86, 1, 1},
		{"OrgnlGrpInfAndSts", &typOriginalGroupHeader17, 1, 1},
		{"OrgnlPmtInfAndSts", &typOriginalPaymentInstruction32, 0, many},
		{"SplmtryData", &typSupplementaryData1, 0, many},
	}}
	typGroupHeader86 = typ{name: "GroupHeader86", kind: kindSequence, els: []elem{
		{"MsgId", &typMax35Text, 1, 1},
		{"CreDtTm", &typISODateTime, 1, 1},
		{"InitgPty", &typPartyIdentification135, 0, 1},
		{"FwdgAgt", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
		{"DbtrAgt", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
		{"CdtrAgt", &typBranchAndFinancialInstitutionIdentification6, 0, 1},
	}}
	typOriginalPaymentInstruction32 = typ{name: "OriginalPaymentInstruction32", kind: kindSequence, els: []elem{
		{"OrgnlPmtInfId", &typMax35Text, 1, 1},
		{"OrgnlNbOfTxs", &typMax15NumericText, 0, 1},
		{"OrgnlCtrlSum", &typDecimalNumber, 0, 1},
		{"PmtInfSts", &typExternalPaymentGroupStatus1Code, 0, 1},
		{"StsRsnInf", &typStatusReasonInformation12, 0, many},
		{"NbOfTxsPerSts", &typNumberOfTransactionsPerStatus5, 0, many},
		{"TxInfAndSts", &typPaymentTransaction105, 0, many},
	}}
	typPaymentTransaction105 = typ{name: "PaymentTransaction105", kind: kindSequence, els: []elem{
		{"StsId", &typMax35Text, 0, 1},
		{"OrgnlInstrId", &typMax35Text, 0, 1},
		{"OrgnlEndToEndId", &typMax35Text, 0, 1},
		{"OrgnlUETR", &typUUIDv4Identifier, 0, 1},
		{"TxSts", &typExternalPaymentTransactionStatus1Code, 0, 1},
		{"StsRsnInf", &typStatusReasonInformation12, 0, many},
		{"ChrgsInf", &typCharges7, 0, many},
		{"AccptncDtTm", &typISODateTime, 0, 1},
		{"AcctSvcrRef", &typMax35Text, 0, 1},
		{"ClrSysRef", &typMax35Text, 0, 1},
		{"OrgnlTxRef", &typOriginalTransactionReference28, 0, 1},
		{"SplmtryData", &typSupplementaryData1, 0, many},
	}}
)
