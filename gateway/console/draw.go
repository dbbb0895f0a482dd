package console

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"viaduct/openapi"
)

// drawnPath is a path as the page draws it: who gives what to whom, from left to right.
type drawnPath struct {
	openapi.Path
	Width, Height int
	Nodes         []drawnNode
	Arrows        []drawnArrow
}

type drawnNode struct {
	X, Y  int
	Name  string
	Way   string // how it turns what it takes into what it gives; empty at the ends
	Price string
	Fee   string
}

type drawnArrow struct {
	X1, X2, Y, Middle int
	Amount, Asset     string
	How               string // transfer, redemption or issue
	Head              string // points of the arrow's head
}

// Sizes of the drawing, in pixels before it is scaled to the page.
const (
	boxWidth  = 150
	boxHeight = 62
	arrowLen  = 170
	pathTop   = 34
)

// draw lays out the paths of a payment or of a quote's option.
func draw(p *openapi.Payment) []drawnPath { return drawPaths(p.Paths, p.From, p.To) }

func drawPaths(paths []openapi.Path, from, to string) []drawnPath {
	all := make([]drawnPath, len(paths))
	for i, path := range paths {
		d := drawnPath{Path: path, Height: pathTop + boxHeight + 34}
		x := 1
		node := func(name, way, price, fee string) {
			d.Nodes = append(d.Nodes, drawnNode{X: x, Y: pathTop, Name: name, Way: way, Price: price, Fee: fee})
			x += boxWidth
		}
		arrow := func(m openapi.Money, how openapi.Handover) {
			asset := m.Currency
			if m.Issuer != "" {
				asset += " at " + m.Issuer
			}
			d.Arrows = append(d.Arrows, drawnArrow{X1: x, X2: x + arrowLen - 8, Y: pathTop + boxHeight/2, Middle: x + arrowLen/2 - 4, Amount: amount(m.Value), Asset: asset, How: string(how)})
			a := &d.Arrows[len(d.Arrows)-1]
			a.Head = fmt.Sprintf("%d,%d %d,%d %d,%d", a.X2+8, a.Y, a.X2-2, a.Y-5, a.X2-2, a.Y+5)
			x += arrowLen
		}
		node(from, "", "", feeText(path.Fee))
		arrow(path.Source, path.Handover)
		for _, hop := range path.Hops {
			node(hop.Participant, words(hop.Way), hop.Price, feeText(hop.Fee))
			arrow(hop.Out, hop.Handover)
		}
		node(to, "", "", "")
		d.Width = x + 1
		all[i] = d
	}
	return all
}

func feeText(m *openapi.Money) string {
	if m == nil {
		return ""
	}
	return "fee " + amount(m.Value) + " " + m.Currency
}

// depth is the depth chart of a book: how much can be had up to each price, and asked for down to it.
type depth struct {
	Width, Height int
	Asks, Bids    string // polygons' points
	Mid           int    // x of the mid-market rate; -1 when there is none
	From, To      string // prices at the ends
	Most          string // amount at the top
}

// level is a price and how much stands at it.
type level struct{ price, amount float64 }

const (
	depthWidth  = 720
	depthHeight = 220
)

// drawDepth draws asks (prices at which the asset is given) and bids (at which it is wanted), both in
// the same unit. Drawing is all that floats are for here.
func drawDepth(asks, bids []level, mid float64) *depth {
	slices.SortFunc(asks, func(a, b level) int { return cmp.Compare(a.price, b.price) })
	slices.SortFunc(bids, func(a, b level) int { return cmp.Compare(b.price, a.price) })
	if len(asks)+len(bids) == 0 {
		return nil
	}
	low, high, most := math.Inf(1), math.Inf(-1), 0.0
	for _, side := range [][]level{asks, bids} {
		sum := 0.0
		for _, l := range side {
			low, high, sum = min(low, l.price), max(high, l.price), sum+l.amount
		}
		most = max(most, sum)
	}
	if mid > 0 {
		low, high = min(low, mid), max(high, mid)
	}
	margin := (high - low) / 20
	if margin == 0 {
		margin = high / 100
	}
	low, high = low-margin, high+margin
	if most == 0 {
		most = 1
	}
	x := func(price float64) int { return int((price - low) / (high - low) * depthWidth) }
	y := func(sum float64) int { return depthHeight - int(sum/most*(depthHeight-10)) }
	d := &depth{Width: depthWidth, Height: depthHeight, Mid: -1, From: number(low), To: number(high), Most: amount(strconv.FormatFloat(most, 'f', 0, 64))}
	d.Asks = steps(asks, depthWidth, x, y)
	d.Bids = steps(bids, 0, x, y)
	if mid > 0 {
		d.Mid = x(mid)
	}
	return d
}

// steps returns the points of a staircase from the first level to the edge.
func steps(side []level, edge int, x func(float64) int, y func(float64) int) string {
	if len(side) == 0 {
		return ""
	}
	points := itoa(x(side[0].price)) + "," + itoa(depthHeight)
	sum := 0.0
	for _, l := range side {
		points += " " + itoa(x(l.price)) + "," + itoa(y(sum))
		sum += l.amount
		points += " " + itoa(x(l.price)) + "," + itoa(y(sum))
	}
	return points + " " + itoa(edge) + "," + itoa(y(sum)) + " " + itoa(edge) + "," + itoa(depthHeight)
}

// ring is a picture of a participant's lines: it in the middle, the others around it.
type ring struct {
	Size  int
	Nodes []ringNode
	More  int // that had no room
}

type ringNode struct {
	Name           string
	X, Y           int
	TextX, TextY   int
	Anchor         string
	HeldBy         bool // the participant holds a line there, and no more; otherwise it issued one
	Stroke         int  // width of the connection: the more of a line's limit is used, the wider
	CurrenciesText string
}

const (
	ringSize  = 560
	ringRoom  = 24
	ringInner = 190
)

// drawRing draws whom a participant is connected with.
func drawRing(lines []openapi.Line, me string) *ring {
	type other struct {
		held, issued bool
		used         int
		currencies   []string
	}
	found := make(map[string]*other)
	for _, l := range lines {
		name := l.Issuer
		if name == me {
			name = l.Holder
		}
		o := found[name]
		if o == nil {
			o = new(other)
			found[name] = o
		}
		if l.Holder == me {
			o.held = true
		} else {
			o.issued = true
		}
		o.used = max(o.used, bar(l.Balance, l.Limit))
		if !slices.Contains(o.currencies, l.Currency) {
			o.currencies = append(o.currencies, l.Currency)
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	r := &ring{Size: ringSize}
	if len(names) > ringRoom {
		r.More = len(names) - ringRoom
		names = names[:ringRoom]
	}
	for i, name := range names {
		o := found[name]
		angle := 2*math.Pi*float64(i)/float64(len(names)) - math.Pi/2
		slices.Sort(o.currencies)
		n := ringNode{
			Name: name, HeldBy: o.held && !o.issued, Stroke: 1 + o.used/12, Anchor: "middle",
			X: ringSize/2 + int(ringInner*math.Cos(angle)), Y: ringSize/2 + int(ringInner*math.Sin(angle)),
		}
		n.TextX, n.TextY = ringSize/2+int((ringInner+16)*math.Cos(angle)), ringSize/2+int((ringInner+16)*math.Sin(angle))+4
		switch c := math.Cos(angle); {
		case c > 0.3:
			n.Anchor = "start"
		case c < -0.3:
			n.Anchor = "end"
		case math.Sin(angle) > 0:
			n.TextY += 10
		}
		n.CurrenciesText = strings.Join(o.currencies, " ")
		r.Nodes = append(r.Nodes, n)
	}
	return r
}
