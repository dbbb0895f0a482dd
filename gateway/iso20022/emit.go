package iso20022

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// envelopeSpace is the namespace of the element that holds a header and a document together when
// both travel in one piece of XML.
const envelopeSpace = "urn:swift:xsd:envelope"

// Emit writes a message: the Document alone, or with its header inside an envelope. The table gives
// the order, so the order of Root's children does not matter. What is written is read again before
// it is returned, so an error means that the message as given is not valid.
func Emit(m *Message) ([]byte, error) {
	w := &writer{}
	w.buf.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	if m.Header == nil {
		w.root(m.Root, m.ID())
		w.buf.WriteByte('\n')
	} else {
		fmt.Fprintf(&w.buf, "<Envelope xmlns=%q>\n", envelopeSpace)
		id := headerID
		if m.Header.Root != nil {
			id = "head.001." + m.Header.Version
		}
		w.root(m.Header.node(), id)
		w.buf.WriteByte('\n')
		w.root(m.Root, m.ID())
		w.buf.WriteString("\n</Envelope>\n")
	}
	if w.err != nil {
		return nil, fmt.Errorf("emit %s: %w", m.ID(), w.err)
	}
	r := read(w.buf.Bytes())
	if len(r.findings) > 0 {
		place(r.src, r.findings)
		return nil, fmt.Errorf("emit %s: %s", m.ID(), r.findings[0])
	}
	return w.buf.Bytes(), nil
}

const headerID = "head.001.001.02"

// compose begins a message of ours and its one element, body. It has the header when that names sender and
// receiver.
func compose(kind, version, body string, header AppHdr) (*Message, *Node) {
	m := &Message{Type: kind, Version: version, Root: &Node{Name: "Document"}}
	if header.From != "" && header.To != "" {
		header.MsgDefIdr = m.ID()
		m.Header = &header
	}
	return m, m.Root.set("", body)
}

// groupHeader writes what each group header has: the message's identifier and when it was made.
func groupHeader(body *Node, id string, created time.Time) {
	body.set(id, "GrpHdr", "MsgId")
	body.set(formatDateTime(created), "GrpHdr", "CreDtTm")
}

type writer struct {
	buf bytes.Buffer
	err error
}

func (w *writer) root(n *Node, id string) {
	s, ok := lookup(id)
	if !ok {
		w.err = fmt.Errorf("there is no message %s", id)
		return
	}
	w.element(n, s.typ, ` xmlns="`+spacePrefix+id+`"`, 0)
}

func (w *writer) element(n *Node, t *typ, attrs string, depth int) {
	indent := strings.Repeat("\t", depth)
	w.buf.WriteString(indent + "<" + n.Name + attrs)
	if t.ccy != nil {
		w.buf.WriteString(` Ccy="`)
		escape(&w.buf, n.Ccy)
		w.buf.WriteByte('"')
	}
	w.buf.WriteByte('>')
	switch {
	case t.kind == kindWildcard:
		if n.any != nil {
			n.any.write(&w.buf)
		}
	case t.kind > kindWildcard:
		escape(&w.buf, n.Text)
	default:
		w.buf.WriteByte('\n')
		written := 0
		for _, el := range t.els {
			for c := range n.Children(el.name) {
				w.element(c, el.typ, "", depth+1)
				w.buf.WriteByte('\n')
				written++
			}
		}
		for range n.Children("") {
			written--
		}
		if written != 0 && w.err == nil {
			w.err = fmt.Errorf("%s holds an element the table does not know", n.Path())
		}
		w.buf.WriteString(indent)
	}
	w.buf.WriteString("</" + n.Name + ">")
}

// write copies the element as it was read and gives it the prefixes that were declared around it,
// unless it declares them itself.
func (a *anyContent) write(b *bytes.Buffer) {
	s := scanner{src: a.raw, scope: append([]binding(nil), a.scope...)}
	t := s.next()
	if t.kind != tokenStart {
		return
	}
	inner := map[string]bool{}
	for _, d := range s.scope[len(a.scope):] {
		inner[d.prefix] = true
	}
	end := 1
	for end < len(a.raw) && !isSpace(a.raw[end]) && a.raw[end] != '>' && a.raw[end] != '/' {
		end++
	}
	b.WriteString(a.raw[:end])
	// The default is always declared: the document around it has one of its own now.
	for i := len(a.scope) - 1; i >= -1; i-- {
		d := binding{}
		if i >= 0 {
			d = a.scope[i]
		}
		if inner[d.prefix] {
			continue
		}
		inner[d.prefix] = true
		if d.prefix == "" {
			b.WriteString(` xmlns="`)
		} else {
			b.WriteString(" xmlns:" + d.prefix + `="`)
		}
		escape(b, d.space)
		b.WriteByte('"')
	}
	b.WriteString(a.raw[end:])
}

// escape writes text so that it reads back as it was, also inside an attribute.
func escape(b *bytes.Buffer, s string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '"':
			b.WriteString("&quot;")
		case '\r', '\n', '\t':
			fmt.Fprintf(b, "&#%d;", c)
		default:
			b.WriteByte(c)
		}
	}
}

// node returns the header as an element: the one that was read, or one made from the fields.
func (h *AppHdr) node() *Node {
	if h.Root != nil {
		return h.Root
	}
	n := &Node{Name: "AppHdr"}
	n.set(h.From, "Fr", "FIId", "FinInstnId", "BICFI")
	n.set(h.To, "To", "FIId", "FinInstnId", "BICFI")
	n.set(h.BizMsgIdr, "BizMsgIdr")
	n.set(h.MsgDefIdr, "MsgDefIdr")
	if h.BizSvc != "" {
		n.set(h.BizSvc, "BizSvc")
	}
	n.set(formatDateTime(h.Created), "CreDt")
	if h.PossibleDp {
		n.set("true", "PssblDplct")
	}
	return n
}

// formatDateTime writes a time as CBPR+ wants it: with an offset, which may be +00:00 but not Z.
func formatDateTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000-07:00") }
