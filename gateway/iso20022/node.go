package iso20022

import (
	"iter"
	"strconv"
)

// Node is one element of a message: what was read, or what is to be written. Elements hold elements
// or text, never both. The methods accept a nil Node, the element that is not there, so that a long
// way down a message needs no checks on the way.
type Node struct {
	Name string
	Text string // decoded; as written, with its white space
	Ccy  string // the attribute Ccy of an amount

	parent, first, last, next *Node
	typ                       *typ
	any                       *anyContent
	offset                    int32
	index                     int32 // among its siblings of the same name, from 1
	repeats                   bool  // the table allows more than one
	faulty                    bool  // its value, or its being there, is a finding; the rules leave it alone
}

// anyContent is the element inside a wildcard, byte for byte, with the prefixes declared around it.
type anyContent struct {
	raw   string
	scope []binding
}

// Child returns the first child of that name, or nil.
func (n *Node) Child(name string) *Node {
	if n == nil {
		return nil
	}
	for c := n.first; c != nil; c = c.next {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// At follows child names down: n.At("Id", "Othr", "Id"); nil where one is missing.
func (n *Node) At(names ...string) *Node {
	for _, name := range names {
		n = n.Child(name)
	}
	return n
}

// Value returns the text of the element At(names...), or "".
func (n *Node) Value(names ...string) string {
	if n = n.At(names...); n == nil {
		return ""
	}
	return n.Text
}

// Children returns the children of that name in order, all of them for "".
func (n *Node) Children(name string) iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n == nil {
			return
		}
		for c := n.first; c != nil; c = c.next {
			if (name == "" || c.Name == name) && !yield(c) {
				return
			}
		}
	}
}

// Path returns where the element stands: "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/PmtId". An
// element that may repeat carries its number.
func (n *Node) Path() string {
	if n == nil {
		return ""
	}
	return string(n.appendPath(nil))
}

func (n *Node) appendPath(b []byte) []byte {
	if n.parent != nil {
		b = n.parent.appendPath(b)
	}
	b = append(append(b, '/'), n.Name...)
	if n.repeats || n.index > 1 {
		b = strconv.AppendInt(append(b, '['), int64(n.index), 10)
		b = append(b, ']')
	}
	return b
}

// add makes c the last child of n.
func (n *Node) add(c *Node) {
	c.parent = n
	if n.last == nil {
		n.first = c
	} else {
		n.last.next = c
	}
	n.last = c
}

// set writes text at a path of names below n, making what is missing on the way.
func (n *Node) set(value string, names ...string) *Node {
	for _, name := range names {
		c := n.Child(name)
		if c == nil {
			c = &Node{Name: name}
			n.add(c)
		}
		n = c
	}
	n.Text = value
	return n
}

// optional is set, unless there is nothing to write.
func (n *Node) optional(value string, names ...string) {
	if value != "" {
		n.set(value, names...)
	}
}

// append adds one more child of that name.
func (n *Node) append(name string) *Node {
	c := &Node{Name: name}
	n.add(c)
	return c
}
