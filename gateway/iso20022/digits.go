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

// ibanCheck: ISO 13616, the check digits of ISO 7064 over the number with its first four characters
// moved to the end.
func ibanCheck(c *checker, n *Node) {
	s := n.Text
	switch {
	case len(s) < 5:
	case !isCountry(s[:2]):
		c.fail(n, "%s is not a country", s[:2])
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
