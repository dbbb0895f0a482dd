package iso20022

import (
	"slices"
	"strconv"
	"strings"
)

// edition is a run of versions of one message that have no table of their own. They are read by the
// table nearest to them. A message of such a version that fits the table means what the table's own
// version would mean, since names do not change their meaning; one that does not fit is refused as
// unsupported_version, and the findings say where it differs.
type edition struct {
	message     string // "pacs.008.001"
	first, last int
	by          string // whose table reads it
	old         *wording
}

// wording is how an older generation of messages says what the tables say.
type wording struct {
	renamed pairs // "BIC=BICFI": what the table calls by another name
	lifted  pairs // "Sts=Cd": what stands directly in an element, where the table has an element in it; "Othr=CtctDtls/Id": below one parent only
	within  pairs // "RmtLctnMtd=RmtLctnDtls/Mtd": what stands beside others, where the table has an element around it
	often   pairs // "Chrgs": what may be there more than once
}

// pairs holds, for each name, what stands for it; several where the place decides.
type pairs map[string][]string

// pairsOf reads a list of pairs with blanks between.
func pairsOf(list string) pairs {
	p := pairs{}
	for pair := range strings.FieldsSeq(list) {
		from, to, _ := strings.Cut(pair, "=")
		p[from] = append(p[from], to)
	}
	return p
}

// first returns the first that f takes.
func (p pairs) first(name string, f func(to string) bool) bool {
	return slices.ContainsFunc(p[name], f)
}

// The wordings: of the first generation, of 2009; of the years to 2018; and of the versions after the
// tables', which say everything as the tables do and only add to it.
var (
	laterWording  = &wording{}
	secondWording = &wording{
		renamed: pairsOf(secondNames),
		lifted: pairsOf("AdrTp=Cd Othr=CtctDtls/Id Sts=Cd ReqdExctnDt=Dt Frqcy=Tp OrgnlFrqcy=Tp DscntApldAmt=Amt TaxAmt=Amt" +
			" Dbtr=Pty Cdtr=Pty UltmtDbtr=Pty UltmtCdtr=Pty InitgPty=Pty TradgPty=Pty Pty=Pty"),
		within: pairsOf("RmtLctnMtd=RmtLctnDtls/Mtd RmtLctnElctrncAdr=RmtLctnDtls/ElctrncAdr RmtLctnPstlAdr=RmtLctnDtls/PstlAdr" +
			" TtlNetNtryAmt=TtlNetNtry/Amt CdtDbtInd=TtlNetNtry/CdtDbtInd" +
			" Amt=Rcrd/Amt CdtDbtInd=Rcrd/CdtDbtInd Tp=Rcrd/Tp Rate=Rcrd/Rate Br=Rcrd/Br Pty=Rcrd/Agt Agt=Rcrd/Agt Tax=Rcrd/Tax FrToDt=Rcrd/FrToDt Rsn=Rcrd/Rsn"),
		often: pairsOf("Chrgs Intrst"),
	}
	firstWording = &wording{
		renamed: pairsOf("BIC=BICFI BICOrBEI=AnyBIC " + secondNames),
		lifted:  secondWording.lifted,
		within:  secondWording.within,
		often:   secondWording.often,
	}
)

const secondNames = "PrvsInstgAgt=PrvsInstgAgt1 PrvsInstgAgtAcct=PrvsInstgAgt1Acct AdmstnZn=AdmstnZone Pty=Agt"

// editions lists every version that is read without a table of its own. The oldest come first, since
// the first that fits a version is taken.
var editions = []edition{
	{"head.001.001", 3, 4, "head.001.001.02", laterWording},

	{"pacs.008.001", 2, 2, "pacs.008.001.08", firstWording},
	{"pacs.008.001", 3, 7, "pacs.008.001.08", secondWording},
	{"pacs.008.001", 9, 13, "pacs.008.001.08", laterWording},
	{"pacs.009.001", 2, 2, "pacs.009.001.08", firstWording},
	{"pacs.009.001", 3, 7, "pacs.009.001.08", secondWording},
	{"pacs.009.001", 9, 12, "pacs.009.001.08", laterWording},
	{"pacs.002.001", 3, 3, "pacs.002.001.10", firstWording},
	{"pacs.002.001", 4, 9, "pacs.002.001.10", secondWording},
	{"pacs.002.001", 11, 15, "pacs.002.001.10", laterWording},
	{"pacs.004.001", 2, 2, "pacs.004.001.09", firstWording},
	{"pacs.004.001", 3, 8, "pacs.004.001.09", secondWording},
	{"pacs.004.001", 10, 14, "pacs.004.001.09", laterWording},
	{"pacs.028.001", 1, 2, "pacs.028.001.03", secondWording},
	{"pacs.028.001", 4, 6, "pacs.028.001.03", laterWording},

	{"camt.029.001", 3, 3, "camt.029.001.09", firstWording},
	{"camt.029.001", 4, 8, "camt.029.001.09", secondWording},
	{"camt.029.001", 10, 13, "camt.029.001.09", laterWording},
	{"camt.052.001", 2, 2, "camt.052.001.08", firstWording},
	{"camt.052.001", 3, 7, "camt.052.001.08", secondWording},
	{"camt.052.001", 9, 13, "camt.052.001.08", laterWording},
	{"camt.053.001", 2, 2, "camt.053.001.08", firstWording},
	{"camt.053.001", 3, 7, "camt.053.001.08", secondWording},
	{"camt.053.001", 9, 13, "camt.053.001.08", laterWording},
	{"camt.054.001", 2, 2, "camt.054.001.08", firstWording},
	{"camt.054.001", 3, 7, "camt.054.001.08", secondWording},
	{"camt.054.001", 9, 13, "camt.054.001.08", laterWording},
	{"camt.056.001", 1, 1, "camt.056.001.08", firstWording},
	{"camt.056.001", 2, 7, "camt.056.001.08", secondWording},
	{"camt.056.001", 9, 11, "camt.056.001.08", laterWording},
	{"camt.057.001", 2, 2, "camt.057.001.06", firstWording},
	{"camt.057.001", 3, 5, "camt.057.001.06", secondWording},
	{"camt.057.001", 7, 8, "camt.057.001.06", laterWording},
	{"camt.060.001", 2, 2, "camt.060.001.05", firstWording},
	{"camt.060.001", 3, 4, "camt.060.001.05", secondWording},
	{"camt.060.001", 6, 7, "camt.060.001.05", laterWording},

	{"pain.001.001", 3, 3, "pain.001.001.09", firstWording},
	{"pain.001.001", 4, 8, "pain.001.001.09", secondWording},
	{"pain.001.001", 10, 12, "pain.001.001.09", laterWording},
	{"pain.002.001", 3, 3, "pain.002.001.10", firstWording},
	{"pain.002.001", 4, 9, "pain.002.001.10", secondWording},
	{"pain.002.001", 11, 14, "pain.002.001.10", laterWording},
}

// editionOf returns how a version without a table of its own is read; nil when it is not.
func editionOf(id string) *edition {
	at := strings.LastIndexByte(id, '.')
	if at < 0 || len(id)-at != 3 || !allDigits(id[at+1:]) {
		return nil
	}
	n, _ := strconv.Atoi(id[at+1:])
	for i := range editions {
		if e := &editions[i]; e.message == id[:at] && n >= e.first && n <= e.last {
			return e
		}
	}
	return nil
}

// renamed finds the place of an element that the table calls by another name; -1 when there is none.
// Inside an element that only the table has, its parts may have had longer names.
func (e *edition) renamed(up *frame, name string) (at int) {
	at = -1
	found := func(to string) bool {
		at = up.typ.find(to, 0)
		return at >= 0
	}
	if e.old.renamed.first(name, found) || !up.implied {
		return at
	}
	e.old.within.first(name, func(to string) bool {
		outer, inner, _ := strings.Cut(to, "/")
		return outer == up.node.Name && found(inner)
	})
	return at
}

// often tells whether older versions repeat an element that the table has once.
func (e *edition) often(name string) bool { return e.old.often[name] != nil }

// lift opens the element that the table has inside the one of the top frame and an older version has
// not: its text, its attributes or its children are what stands here.
func (r *reader) lift(f *frame, t *token) bool {
	if r.edition == nil || f.at >= 0 || f.typ.kind != kindChoice && f.typ.kind != kindSequence {
		return false
	}
	at := -1
	if !r.edition.old.lifted.first(f.node.Name, func(to string) bool {
		up, inner, only := strings.Cut(to, "/")
		if !only {
			inner = to
		} else if f.node.parent == nil || f.node.parent.Name != up {
			return false
		}
		at = f.typ.find(inner, 0)
		return at >= 0
	}) {
		return false
	}
	f.lifted = true
	r.imply(f, at, t)
	return true
}

// gather opens the element that the table has around one that an older version puts here directly.
// It stays open while more of its parts follow.
func (r *reader) gather(f *frame, t *token) bool {
	if r.edition == nil || f.typ.kind != kindSequence {
		return false
	}
	at := -1
	if !r.edition.old.within.first(t.local, func(to string) bool {
		outer, inner, _ := strings.Cut(to, "/")
		at = f.typ.find(outer, max(f.at, 0))
		return at >= 0 && f.typ.els[at].typ.find(inner, 0) >= 0
	}) {
		return false
	}
	r.imply(f, at, &token{offset: t.offset})
	return true
}

// imply opens the element at a place of the table as if its start tag had been there.
func (r *reader) imply(f *frame, at int, t *token) {
	el := &f.typ.els[at]
	u := *t
	u.local = el.name
	r.child(f, at, &u)
	r.frames[len(r.frames)-1].implied = true
}

// endImplied closes the implied elements on top.
func (r *reader) endImplied() {
	for f := &r.frames[len(r.frames)-1]; f.implied; f = &r.frames[len(r.frames)-1] {
		r.endTyped(f)
		r.counts = r.counts[:f.base]
		r.frames = r.frames[:len(r.frames)-1]
	}
}

// liftAmount opens an element whose amount is inside it by the table, and is its text by an older
// version: the currency tells.
func (r *reader) liftAmount(n *Node, t *typ, tok *token) bool {
	if len(tok.attrs) == 0 || t.kind != kindSequence {
		return false
	}
	for i := range tok.attrs {
		if tok.attrs[i].local == "Ccy" && tok.attrs[i].prefix == "" {
			r.begin(n, t)
			if r.lift(&r.frames[len(r.frames)-1], tok) {
				return true
			}
			r.counts = r.counts[:len(r.counts)-len(t.els)]
			r.frames = r.frames[:len(r.frames)-1]
			return false
		}
	}
	return false
}
