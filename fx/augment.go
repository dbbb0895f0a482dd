package fx

import "viaduct/ledger"

// limit says what bounded an augmentation, so that it can be passed over when what it leaves is too
// little to move a whole unit along the path.
type limit struct {
	kind limitKind
	at   int32 // the place or flow
}

type limitKind uint8

const (
	limitWanted limitKind = iota // all that was wanted arrives
	limitBudget                  // all that may be spent is
	limitPlace
	limitFlow
	limitUndo
)

// takePath turns the path found into steps from the sender on.
func (g *graph) takePath() {
	path := g.f.path[:0]
	s := &g.s
	for x := s.best; ; {
		st := s.states[x]
		if st.next < 0 {
			path = append(path, step{at: x >> 1, flow: none})
			break
		}
		switch {
		case st.via <= undoFlow(0):
			path = append(path, step{x >> 1, undoFlow(st.via), true})
		case st.via >= 0:
			path = append(path, step{x >> 1, g.flowOf(st.next>>1, g.rows[st.next>>1][st.via]), false})
		}
		x = st.next
	}
	g.f.path = path
}

// augment moves as much along the path found as fits, at most budget from the sender and wanted to the
// receiver. It returns what arrived, and what bounded it.
func (g *graph) augment(budget, wanted int64) (int64, limit) {
	fits, lim := g.fits(budget, wanted)
	if fits > 0 {
		g.push(fits)
	}
	return fits, lim
}

// fits follows the path from the sender and returns the most that can arrive.
func (g *graph) fits(budget, wanted int64) (int64, limit) {
	path := g.f.path
	amount, lim := min(budget, ledger.MaxUnits), limit{kind: limitBudget}
	entered := true // by an arc that brings in more, not by undoing one that leaves
	for i := range path {
		st := &path[i]
		if entered && !st.undo {
			if room := g.room(st.at); room < amount {
				amount, lim = room, limit{limitPlace, st.at}
			}
		}
		if st.flow < 0 {
			break
		}
		fl := &g.f.list[st.flow]
		if st.undo {
			if fl.out < amount {
				amount, lim = fl.out, limit{limitUndo, st.flow}
			}
			amount = fl.in - fl.cost(fl.out-amount)
		} else {
			amount = fl.buys(fl.in+min(amount, ledger.MaxUnits-fl.in)) - fl.out
			if left := fl.room - fl.out; left < amount {
				amount, lim = left, limit{limitFlow, st.flow}
			}
		}
		entered = !st.undo
		if amount <= 0 {
			return 0, lim
		}
	}
	if wanted <= amount {
		return wanted, limit{kind: limitWanted}
	}
	return amount, lim
}

// room returns how much more the place lets through on this path; a cap shared by several places of
// the path is divided among them.
func (g *graph) room(v int32) int64 {
	p := &g.places[v]
	room := p.cap - p.used - p.waste
	if p.group >= 0 && g.groups[p.group].cap < unlimited {
		times := int64(0)
		for i := range g.f.path {
			if g.places[g.f.path[i].at].group == p.group {
				times++
			}
		}
		grp := &g.groups[p.group]
		room = min(room, (grp.cap-grp.used-grp.waste)/times)
	}
	return max(room, 0)
}

// push moves need units to the receiver along the path, back from there: each place asks for exactly
// what it must pass on, less the dust it has.
func (g *graph) push(need int64) {
	path := g.f.path
	g.f.delivered += need
	for i := len(path) - 1; i >= 0; i-- {
		v := path[i].at
		if i == len(path)-1 {
			// The receiver's side: what comes in stays.
		} else if fl := &g.f.list[path[i].flow]; path[i].undo {
			// v got more and keeps it from fl, which came in: fl's tail is short of what it loses.
			out := fl.out - fl.buys(fl.in-need)
			freed := g.less(path[i].flow, out)
			g.places[path[i+1].at].over += freed - need
			g.bring(v, -out)
			need = out
		} else {
			need = g.more(path[i].flow, need)
		}
		p := &g.places[v]
		if dust := min(p.over, need); dust > 0 {
			p.over -= dust
			need -= dust
		}
		if need == 0 {
			return
		}
		if i == 0 {
			g.touch(v)
			p.fed += need
			g.f.source += need
			g.bring(v, need)
		} else if !path[i-1].undo {
			g.bring(v, need)
		}
	}
}

// pass passes over what bounded an augmentation: what it leaves is too little to move a whole unit
// along the path, and the next search would only find that out again.
func (g *graph) pass(lim limit) {
	switch lim.kind {
	case limitPlace:
		g.touch(lim.at)
		p := &g.places[lim.at]
		if left := p.cap - p.used; p.group < 0 || left <= g.groups[p.group].cap-g.groups[p.group].used {
			p.waste = max(p.waste, left)
		} else {
			grp := &g.groups[p.group]
			grp.waste, grp.full = max(grp.waste, grp.cap-grp.used), true
		}
	case limitFlow:
		if fl := &g.f.list[lim.at]; fl.out < fl.room {
			fl.room = fl.out
			if fl.book >= 0 {
				g.advance(fl.book)
			}
		}
	case limitUndo:
		g.f.list[lim.at].stuck = true
	}
}

// settle takes the dust out: each place must pass on all it gets, so what it gets too much is taken
// from what comes in, the dearest tier first, back to the sender. Nothing becomes open or cheaper by
// it, so the potentials stay good. It reports false when that does not
// end within maxSettle steps.
func (g *graph) settle() bool {
	steps := 0
	for again := true; again; {
		again = false
		for i := len(g.f.touched) - 1; i >= 0; i-- {
			v := g.f.touched[i]
			for g.places[v].over > 0 {
				if steps++; steps > maxSettle {
					return false
				}
				if g.giveBack(v) {
					again = true
				}
			}
		}
	}
	return true
}

// maxSettle bounds the steps of settle; dust passes each place a few times, so this is never near.
const maxSettle = 1 << 20

// giveBack takes a place's dust from one arc that comes in; it reports whether that left dust at the
// arc's tail.
func (g *graph) giveBack(v int32) bool {
	p := &g.places[v]
	if dust := min(p.over, p.fed); dust > 0 {
		p.fed -= dust
		p.over -= dust
		p.waste += dust
		g.f.source -= dust
		g.bring(v, -dust)
		return false
	}
	dearest := int32(none)
	for f := p.ins; f >= 0; f = g.f.list[f].nextIn {
		at := f
		if b := g.f.list[f].book; b >= 0 {
			at = g.books[b].top
		}
		if at >= 0 && g.f.list[at].out > 0 && (dearest < 0 || g.f.list[at].label > g.f.list[dearest].label) {
			dearest = at
		}
	}
	fl := &g.f.list[dearest]
	out := min(p.over, fl.out)
	tail := fl.tail
	freed := g.drop(dearest, out)
	p.over -= out
	p.waste += out
	g.bring(v, -out)
	g.places[tail].over += freed
	return freed > 0
}
