package fx

// item is a heap entry: what is to be looked at, and when.
type item struct {
	key   int64
	depth int32
	at    int32
}

func (a item) less(b item) bool {
	return a.key < b.key || a.key == b.key && (a.depth < b.depth || a.depth == b.depth && a.at < b.at)
}

// heap is a binary heap of items, least first. Entries that were overtaken stay and are passed over.
type heap []item

func (h *heap) push(it item) {
	x := append(*h, it)
	i := len(x) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !it.less(x[up]) {
			break
		}
		x[i] = x[up]
		i = up
	}
	x[i] = it
	*h = x
}

func (h *heap) pop() item {
	x := *h
	top := x[0]
	last := len(x) - 1
	it := x[last]
	x = x[:last]
	i := 0
	for {
		c := 2*i + 1
		if c >= last {
			break
		}
		if c+1 < last && x[c+1].less(x[c]) {
			c++
		}
		if !x[c].less(it) {
			break
		}
		x[i] = x[c]
		i = c
	}
	if last > 0 {
		x[i] = it
	}
	*h = x
	return top
}
