package iso20022

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// mode is how the elements below a frame are read.
type mode uint8

const (
	modeWrapper mode = iota // around the message: anything, until AppHdr and Document
	modeTyped               // by the table
	modeLax                 // inside a wildcard: anything, but a message root is read by the table
	modeSkip                // below an element that is not allowed: well-formed, no more
)

// frame is one open element.
type frame struct {
	mode mode
	typ  *typ
	node *Node
	at   int // the last element met, -1 before the first; for a wildcard how many elements
	base int // this element's counts start at reader.counts[base]

	text    string // what a text type holds, while it came in one piece
	pieces  int    // how many pieces there were; from the second on they are in reader.joined
	refused bool   // text between elements, or elements inside text, were already reported
	implied bool   // an element that an older version does not write
	lifted  bool   // it holds an implied one and nothing else
}

// reader walks the tokens of one document along the table, builds the tree of what the table knows
// and reports everything else.
type reader struct {
	scanner
	frames   []frame
	counts   []uint32
	nodes    []Node
	joined   []byte // text that comes in pieces; a text type holds no elements, so one is enough
	findings []Finding

	space            string   // of the root being read by the table
	root             *Node    // which root it is: header or document
	schema           schema   // that of root
	edition          *edition // how root is read when its version has no table of its own
	header, document *Node
	headerID         string // from their namespaces
	messageID        string
	stopped          bool // a finding after which nothing more can be said
}

// read parses data up to its end or to the first fault in the XML itself.
func read(data []byte) *reader {
	src := ""
	if len(data) <= MaxBytes {
		src = string(data)
	}
	r := &reader{scanner: scanner{src: src, scope: make([]binding, 0, 8), open: make([]openTag, 0, 24)}}
	r.frames = make([]frame, 1, 24)
	r.nodes = make([]Node, 0, min(max(len(src)/32, 16), 1024))
	r.counts = make([]uint32, 0, 256)
	switch {
	case len(data) > MaxBytes:
		r.stop(Finding{Rule: "too_large", Message: fmt.Sprintf("the document has more than %d bytes", MaxBytes)})
		return r
	case !utf8.ValidString(src) || strings.HasPrefix(src, "<\x00") || strings.HasPrefix(src, "\x00<"):
		r.stop(Finding{Rule: "not_utf8", Message: "the document is not UTF-8" + otherForm(src)})
		return r
	case src == "":
		r.stop(Finding{Rule: "not_well_formed", Message: "the document is empty"})
		return r
	}
	for !r.stopped {
		t := r.next()
		switch t.kind {
		case tokenStart:
			r.startElement(t)
		case tokenText:
			r.textMet(t)
		case tokenClose:
			r.endElement()
		case tokenError:
			r.stop(r.fault)
		case tokenEnd:
			if r.document == nil && r.messageID == "" {
				r.stop(Finding{Rule: "missing_document", Path: "/Document", Message: "no ISO 20022 Document was found", offset: t.offset})
			}
			return r
		}
	}
	return r
}

// otherForm says what a document that is not UTF-8 looks like.
func otherForm(src string) string {
	for _, form := range []struct{ start, is string }{
		{"\xFF\xFE", ", but UTF-16"}, {"\xFE\xFF", ", but UTF-16"}, {"<\x00", ", but UTF-16"}, {"\x00<", ", but UTF-16"},
		{"\x00\x00\xFE\xFF", ", but UTF-32"}, {"\x1F\x8B", ", but compressed (gzip)"}, {"PK\x03\x04", ", but an archive (zip)"}, {"%PDF", ", but a PDF"},
	} {
		if strings.HasPrefix(src, form.start) {
			return form.is
		}
	}
	return ""
}

func (r *reader) stop(f Finding) {
	f.Reason = schemaReasons[f.Rule]
	if f.Path == "" && len(r.frames) > 1 {
		f.Path = r.frames[len(r.frames)-1].node.Path()
	}
	r.findings = append(r.findings, f)
	r.stopped = true
}

// report adds a finding at n, or at the child of n named by below.
func (r *reader) report(rule string, n *Node, below string, offset int, format string, args ...any) {
	if r.stopped {
		return
	}
	path := n.Path()
	if below != "" {
		path += "/" + clip(below)
	}
	if len(r.findings) >= maxFindings {
		r.stop(Finding{Rule: "too_many_findings", Path: path, Message: "reading stopped here", offset: offset})
		return
	}
	r.findings = append(r.findings, Finding{
		Rule: rule, Path: path, Reason: schemaReasons[rule], Message: fmt.Sprintf(format, args...), offset: offset,
	})
}

func (r *reader) push(f frame) { r.frames = append(r.frames, f) }

func (r *reader) startElement(t *token) {
	up := &r.frames[len(r.frames)-1]
	switch up.mode {
	case modeWrapper:
		r.startRoot(t)
	case modeSkip:
		r.push(frame{mode: modeSkip})
	case modeLax:
		r.startAny(t)
	case modeTyped:
		switch {
		case up.typ.kind > kindWildcard:
			r.report("unknown_element", up.node, t.local, t.offset, "%s holds text, no elements", up.node.Name)
			up.node.faulty, up.refused = true, true
			r.push(frame{mode: modeSkip})
		case up.typ.kind == kindWildcard:
			r.startWildcard(up, t)
		default:
			r.startChild(up, t)
		}
	}
}

// startRoot looks for AppHdr and Document; everything around them is a wrapper.
func (r *reader) startRoot(t *token) {
	id, iso := strings.CutPrefix(t.space, spacePrefix)
	switch {
	case t.local == "Document" && (iso || len(r.frames) == 1):
		if r.messageID != "" {
			r.report("duplicate_document", nil, "Document", t.offset, "a second Document in one message")
			r.push(frame{mode: modeSkip})
			return
		}
		r.messageID = id
		if id == "" {
			r.messageID = "unknown"
		}
		if !iso {
			r.messageID = "unknown"
			r.report("unknown_namespace", nil, "Document", t.offset, "the namespace %q is not of ISO 20022", clip(t.space))
			r.push(frame{mode: modeSkip})
			return
		}
		r.document = r.typedRoot(t, id, strings.HasPrefix(id, "head."))
	case t.local == "AppHdr" && iso:
		switch {
		case r.headerID != "":
			r.report("duplicate_header", nil, "AppHdr", t.offset, "a second AppHdr in one message")
			r.push(frame{mode: modeSkip})
			return
		case r.messageID != "":
			r.report("header_position", nil, "AppHdr", t.offset, "the AppHdr must come before the Document")
		}
		r.headerID = id
		r.header = r.typedRoot(t, id, !strings.HasPrefix(id, "head."))
	default:
		r.push(frame{mode: modeWrapper})
	}
}

// typedRoot starts a header or a document whose namespace names its definition.
func (r *reader) typedRoot(t *token, id string, wrong bool) *Node {
	s, ok := lookup(id)
	r.edition = nil
	if e := editionOf(id); !ok && e != nil {
		s, ok = lookup(e.by)
		r.edition = e
	}
	if !ok || wrong {
		rule, message := "unsupported_message", "the message %s is not supported"
		if name, _, isID := versionOf(id); isID && !wrong && knownName(name) {
			rule, message = "unsupported_version", "this version of the message, %s, is not supported"
		}
		r.report(rule, nil, t.local, t.offset, message, clip(id))
		r.push(frame{mode: modeSkip})
		return nil
	}
	n := r.node(t)
	r.space, r.root, r.schema = t.space, n, s
	r.typed(n, s.typ, t)
	return n
}

func (r *reader) startChild(up *frame, t *token) {
	at := -1
	if t.space == r.space {
		at = up.typ.find(t.local, max(up.at, 0))
		if at < 0 && r.edition != nil {
			at = r.edition.renamed(up, t.local)
		}
		switch {
		case at >= 0:
		case up.typ.kind == kindChoice && r.lift(up, &token{offset: t.offset}), r.gather(up, t):
			r.startChild(&r.frames[len(r.frames)-1], t)
			return
		case up.implied && !r.frames[len(r.frames)-2].lifted: // it belongs beside what was gathered
			r.endImplied()
			r.startChild(&r.frames[len(r.frames)-1], t)
			return
		}
	}
	if at < 0 {
		r.report("unknown_element", up.node, t.local, t.offset, "%s has no element %s%s", up.node.Name, clip(t.local), otherSpace(t.space, r.space))
		r.push(frame{mode: modeSkip})
		return
	}
	r.child(up, at, t)
}

// child opens the element at a place of the table and tells whether it may be there.
func (r *reader) child(up *frame, at int, t *token) {
	el := &up.typ.els[at]
	n := r.node(t)
	n.Name = el.name
	n.repeats = el.max > 1
	count := &r.counts[up.base+at]
	*count++
	n.index = int32(*count)
	up.node.add(n)
	switch {
	case up.typ.kind == kindChoice && up.at >= 0 && at != up.at:
		n.faulty = true
		r.report("choice_both", n, "", t.offset, "%s takes one of its elements; %s was already there", up.node.Name, up.typ.els[up.at].name)
	case *count > uint32(el.max) && el.max < many && el.max > 1:
		n.faulty = true
		if *count == uint32(el.max)+1 {
			r.report("too_many_elements", n, "", t.offset, "%s may appear at most %d times", el.name, el.max)
		}
	case *count > 1 && el.max == 1 && !(r.edition != nil && r.edition.often(el.name)):
		n.faulty = true
		r.report("duplicate_element", n, "", t.offset, "%s may appear only once", el.name)
	case at < up.at:
		r.report("wrong_order", n, "", t.offset, "%s must come before %s", el.name, up.typ.els[up.at].name)
	}
	if up.typ.kind == kindSequence || up.at < 0 {
		up.at = max(up.at, at)
	}
	r.typed(n, el.typ, t)
}

// typed opens the element n of type t, after its attributes.
func (r *reader) typed(n *Node, t *typ, tok *token) {
	n.typ = t
	if t.ccy == nil && r.edition != nil && r.liftAmount(n, t, tok) {
		return
	}
	seen := false
	for _, a := range tok.attrs {
		switch {
		case a.space == xsiSpace && (a.local == "schemaLocation" || a.local == "noNamespaceSchemaLocation"):
		case t.ccy != nil && a.prefix == "" && a.local == "Ccy":
			n.Ccy, seen = a.value, true
			if rule, why := t.ccy.check(a.value); rule != "" {
				r.report(rule, n, "@Ccy", tok.offset, "the currency %q %s", clip(a.value), why)
				n.faulty = true
			}
		default:
			r.report("unknown_attribute", n, "@"+a.local, tok.offset, "%s has no attribute %s", n.Name, clip(a.local))
		}
	}
	if t.ccy != nil && !seen {
		r.report("missing_attribute", n, "@Ccy", tok.offset, "%s needs the attribute Ccy", n.Name)
		n.faulty = true
	}
	r.begin(n, t)
}

// begin pushes the frame of the element n of type t.
func (r *reader) begin(n *Node, t *typ) {
	base := len(r.counts)
	for range t.els {
		r.counts = append(r.counts, 0)
	}
	r.push(frame{mode: modeTyped, typ: t, node: n, at: -1, base: base})
}

// startWildcard opens the one element a wildcard holds and starts to keep it as it is.
func (r *reader) startWildcard(up *frame, t *token) {
	up.at++
	switch {
	case up.at > 0:
		r.report("duplicate_element", up.node, t.local, t.offset, "%s holds one element only", up.node.Name)
	case up.typ.space != "" && t.space != up.typ.space:
		r.report("unknown_element", up.node, t.local, t.offset, "%s holds an element of %s", up.node.Name, up.typ.space)
	default:
		outer := r.scope[:r.open[len(r.open)-1].scope]
		up.node.any = &anyContent{raw: r.src[t.offset:], scope: append([]binding(nil), outer...)}
	}
	r.startAny(t)
}

// startAny opens an element inside a wildcard. The schemas say "lax": what they declare is checked
// wherever it stands, and of that there is only the root.
func (r *reader) startAny(t *token) {
	if t.space == r.space && t.local == r.schema.root {
		n := r.node(t)
		n.parent = r.root
		r.typed(n, r.schema.typ, t)
		return
	}
	for _, a := range t.attrs {
		if a.space == xsiSpace && a.local == "type" {
			r.report("unknown_attribute", r.root, "@type", t.offset, "xsi:type is not accepted")
		}
	}
	r.push(frame{mode: modeLax})
}

func (r *reader) textMet(t *token) {
	f := &r.frames[len(r.frames)-1]
	if f.mode != modeTyped {
		return
	}
	if f.typ.kind < kindWildcard && trimSpace(t.text) != "" && r.lift(f, &token{offset: t.offset}) {
		f = &r.frames[len(r.frames)-1]
	}
	if f.typ.kind > kindWildcard {
		switch f.pieces++; f.pieces {
		case 1:
			f.text = t.text
		case 2:
			r.joined = append(append(r.joined[:0], f.text...), t.text...)
		default:
			r.joined = append(r.joined, t.text...)
		}
		return
	}
	if (t.cdata || trimSpace(t.text) != "") && !f.refused {
		f.refused = true
		r.report("text_not_allowed", f.node, "", t.offset, "%s holds elements, no text", f.node.Name)
	}
}

func (r *reader) endElement() {
	r.endImplied()
	f := &r.frames[len(r.frames)-1]
	if f.mode == modeTyped {
		r.endTyped(f)
		r.counts = r.counts[:f.base]
	}
	r.frames = r.frames[:len(r.frames)-1]
	if len(r.frames) == 1 {
		r.more = r.headerID != "" && r.messageID == ""
	}
	if up := &r.frames[len(r.frames)-1]; up.mode == modeTyped && up.typ.kind == kindWildcard && up.at == 0 && up.node.any != nil {
		a := up.node.any
		start := len(r.src) - len(a.raw)
		a.raw = r.src[start:r.pos]
	}
}

func (r *reader) endTyped(f *frame) {
	n := f.node
	offset := int(n.offset)
	switch f.typ.kind {
	case kindSequence:
		for i, el := range f.typ.els {
			if el.min > 0 && r.counts[f.base+i] == 0 && !f.lifted {
				r.report("missing_element", n, el.name, offset, "%s needs the element %s", n.Name, el.name)
			}
		}
	case kindChoice:
		if f.at < 0 {
			r.report("choice_none", n, "", offset, "%s needs one of %s", n.Name, names(f.typ.els))
		}
	case kindWildcard:
		if f.at < 0 {
			r.report("missing_element", n, "", offset, "%s needs an element", n.Name)
		}
	default:
		n.Text = f.text
		if f.pieces > 1 {
			n.Text = string(r.joined)
		}
		if f.refused {
			return
		}
		if rule, why := f.typ.check(n.Text); rule != "" {
			r.report(rule, n, "", offset, "%q %s", clip(n.Text), why)
			n.faulty = true
		}
	}
}

// node takes a Node from the slab; a full slab is left to the nodes in it and a new one begun.
func (r *reader) node(t *token) *Node {
	if len(r.nodes) == cap(r.nodes) {
		r.nodes = make([]Node, 0, 256)
	}
	r.nodes = r.nodes[:len(r.nodes)+1]
	n := &r.nodes[len(r.nodes)-1]
	n.Name, n.offset = t.local, int32(t.offset)
	return n
}

func names(els []elem) string {
	var list []string
	for _, el := range els {
		list = append(list, el.name)
	}
	return strings.Join(list, ", ")
}

func otherSpace(got, want string) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf(" in the namespace %q", clip(got))
}
