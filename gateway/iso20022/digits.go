package iso20022

import "strings"

// countries are the codes of ISO 3166-1, and XK, which banks use for Kosovo.
const countries = " AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ" +
	" CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR" +
	" GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP" +
	" KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ" +
	" NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW" +
	" SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ" +
	" UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW "

func isCountry(code string) bool {
	return len(code) == 2 && code[0] != ' ' && code[1] != ' ' && strings.Contains(countries, " "+code+" ")
}

func countryUnknown(c *checker, n *Node) {
	if !isCountry(n.Text) {
		c.fail(n, "%s is not a country", clip(n.Text))
	}
}

func bicCountry(c *checker, n *Node) {
	if len(n.Text) >= 6 && !isCountry(n.Text[4:6]) {
		c.fail(n, "%s names no country: %s", clip(n.Text), n.Text[4:6])
	}
}

// ibanLengths are how many characters an IBAN has, country by country, as the registry of ISO 13616 has
// them. A country that is not in it has only its check digits looked at.
const ibanLengths = " AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24" +
	" FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25" +
	" MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28" +
	" TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 "

// ibanLength returns the length of a country's IBANs; 0 when the registry has none.
func ibanLength(country string) int {
	at := strings.Index(ibanLengths, " "+country)
	if at < 0 || len(country) != 2 {
		return 0
	}
	return int(ibanLengths[at+3]-'0')*10 + int(ibanLengths[at+4]-'0')
}

// ibanCheck: ISO 13616, the length its registry gives, the check digits of ISO 7064 over the number with its first four characters
// moved to the end.
func ibanCheck(c *checker, n *Node) {
	s := n.Text
	switch {
	case len(s) < 5:
	case !isCountry(s[:2]):
		c.fail(n, "%s is not a country", s[:2])
	case ibanLength(s[:2]) != 0 && len(s) != ibanLength(s[:2]):
		c.fail(n, "an IBAN of %s has %d characters, this one has %d", s[:2], ibanLength(s[:2]), len(s))
	case mod97(s[4:]+s[:4]) != 1:
		c.fail(n, "the check digits of the IBAN are wrong")
	}
}

// leiCheck: ISO 17442, the same check digits over the code as it stands.
func leiCheck(c *checker, n *Node) {
	if mod97(n.Text) != 1 {
		c.fail(n, "the check digits of the LEI are wrong")
	}
}

// mod97 is ISO 7064's MOD 97-10 of digits and letters, A being 10.
func mod97(s string) int {
	m := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			m = (m*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			m = (m*100 + int(c-'A') + 10) % 97
		case c >= 'a' && c <= 'z':
			m = (m*100 + int(c-'a') + 10) % 97
		}
	}
	return m
}
