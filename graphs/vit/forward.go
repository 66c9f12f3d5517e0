package vit

import (
	"fmt"
	"math"

	"fovea/graphs"
)

// Declare adds every parameter to the graph as an input.
func (c Config) Declare(g *graphs.Graph) map[string]*graphs.Value {
	parameters := map[string]*graphs.Value{}
	for _, p := range c.Parameters() {
		parameters[p.Name] = g.Input(p.Name, graphs.Float32, p.Shape...)
	}
	return parameters
}

// Forward computes logits float32 [B,Classes] from images float32 [B,3,S,S]. B may be graphs.Dynamic. dropPath float32
// [2·Depth,B] holds a factor for each residual branch and image: row 2i for the attention of block i, row 2i+1 for its
// MLP. A factor is 0 or 1/keep. A nil dropPath drops nothing.
func (c Config) Forward(g *graphs.Graph, images, dropPath *graphs.Value,
	parameters map[string]*graphs.Value) *graphs.Value {
	return c.Classify(g, c.Features(g, images, dropPath, parameters), parameters)
}

// Features computes the part of Forward below the head: [B,FeatureWidth], pooled and normalised.
func (c Config) Features(g *graphs.Graph, images, dropPath *graphs.Value,
	parameters map[string]*graphs.Value) *graphs.Value {
	m := model{Config: c, g: g, parameters: parameters, images: images, batch: images.Shape[0]}
	x := m.embed()
	last := c.Depth - 1
	var classes []*graphs.Value // of the last blocks
	for i := range last {
		x = m.block(x, i, dropPath)
		if c.Pool == LastFour && i >= c.Depth-4 {
			classes = append(classes, m.norm(m.classToken(x), "norm"))
		}
	}
	switch c.Pool {
	case Mean, Class:
		return m.normalize(m.pooledBlock(x, last, dropPath))
	case LastFour:
		return g.Concat(1, append(classes, m.norm(m.pooledBlock(x, last, dropPath), "norm"))...)
	}
	x = m.norm(m.block(x, last, dropPath), "norm")
	switch c.Pool {
	case NormMean:
		return m.mean(x)
	case ClassMean:
		return g.Concat(1, m.classToken(x), m.mean(x))
	}
	return m.attentionPool(x)
}

// Classify computes the head: logits float32 [B,Classes] from Features.
func (c Config) Classify(g *graphs.Graph, features *graphs.Value, parameters map[string]*graphs.Value) *graphs.Value {
	return model{Config: c, g: g, parameters: parameters}.linear(features, "head")
}

type model struct {
	Config
	g          *graphs.Graph
	parameters map[string]*graphs.Value
	images     *graphs.Value
	batch      int64
}

// rows returns the number of rows of a batch, or -1 if the batch is Dynamic.
func (m model) rows(perImage int64) int64 {
	if m.batch == graphs.Dynamic {
		return -1
	}
	return m.batch * perImage
}

// embed cuts images into patches and projects them. This is a convolution whose kernel equals its stride, written as a
// matrix product. The result is [B·tokens,Width].
func (m model) embed() *graphs.Value {
	g, p, side, channels := m.g, m.Patch, m.ImageSize/m.Patch, m.channels()
	x := m.images
	if m.Grey {
		x = m.luma(x)
	}
	x = g.Reshape(x, m.batch, channels, side, p, side, p)
	x = g.Transpose(x, 0, 2, 4, 1, 3, 5)
	x = g.Reshape(x, m.rows(m.patches()), channels*p*p)
	weight := g.Reshape(m.parameters["patch_embed.proj.weight"], m.Width, channels*p*p)
	x = g.MatMul(x, weight, graphs.TransB)
	if !m.PreNorm {
		x = g.Add(x, m.parameters["patch_embed.proj.bias"])
	}
	x = g.Reshape(x, m.batch, m.patches(), m.Width)
	class, positions := m.parameters["cls_token"], m.parameters["pos_embed"]
	switch {
	case m.Positions == LearnedPatches:
		x = g.Add(x, positions)
	case m.Positions == LearnedAll && m.Registers > 0:
		class = g.Add(class, g.Slice(positions, 1, 0, 1))
		x = g.Add(x, g.Slice(positions, 1, 1, 1+m.patches()))
	}
	tokens := []*graphs.Value{g.Expand(class, m.images, m.batch, 1, m.Width)}
	if m.Registers > 0 {
		tokens = append(tokens, g.Expand(m.parameters["reg_token"], m.images, m.batch, m.Registers, m.Width))
	}
	x = g.Concat(1, append(tokens, x)...)
	if m.Positions == LearnedAll && m.Registers == 0 {
		x = g.Add(x, positions)
	}
	x = g.Reshape(x, m.rows(m.tokens()), m.Width)
	if m.PreNorm {
		x = m.norm(x, "norm_pre")
	}
	return x
}

// luma returns the grey channel [B,1,S,S] of images, with Pillow's weights, from 0 for an image's darkest pixel to 1 for
// its brightest. So it is the same however the images were normalised, if all channels were alike.
func (m model) luma(images *graphs.Value) *graphs.Value {
	g, s := m.g, m.ImageSize
	x := g.Reshape(images, m.batch, 3, s*s)
	x = g.MatMul(g.Floats([]float32{0.299, 0.587, 0.114}, 1, 3), x, graphs.NoTrans)
	darkest, brightest := g.ReduceMin(x, true, 2), g.ReduceMax(x, true, 2)
	const black = 1e-6 // an image of one grey becomes 0
	x = g.Div(g.Sub(x, darkest), g.Add(g.Sub(brightest, darkest), g.Scalar(black)))
	return g.Reshape(x, m.batch, 1, s, s)
}

func (m model) norm(x *graphs.Value, name string) *graphs.Value {
	y, _, _ := m.g.LayerNormalization(x, m.parameters[name+".weight"], m.parameters[name+".bias"], m.epsilon())
	return y
}

func (m model) linear(x *graphs.Value, name string) *graphs.Value {
	return m.g.Linear(x, m.parameters[name+".weight"], m.parameters[name+".bias"])
}

// block computes a pre-norm transformer block on tokens [B·tokens,Width].
func (m model) block(x *graphs.Value, i int, dropPath *graphs.Value) *graphs.Value {
	x = m.attend(x, i, dropPath)
	return m.residual(x, m.mlp(m.hidden(x, i), i), dropPath, 2*i+1)
}

// pooledBlock computes the last block and the pooling behind it: [B,Width]. Pooling is linear, so it may go before the
// linear parts of the block. With the mean, fc2 then works on one vector for each image instead of on every token. With
// the class token the whole MLP does.
func (m model) pooledBlock(x *graphs.Value, i int, dropPath *graphs.Value) *graphs.Value {
	x = m.attend(x, i, dropPath)
	var hidden *graphs.Value
	if m.Pool == Mean {
		hidden = m.mean(m.hidden(x, i))
		x = m.mean(x)
	} else {
		x = m.classToken(x)
		hidden = m.hidden(x, i)
	}
	return m.residual(x, m.mlp(hidden, i), dropPath, 2*i+1)
}

func blockName(i int) string { return fmt.Sprintf("blocks.%d.", i) }

// attend computes the attention half of a block.
func (m model) attend(x *graphs.Value, i int, dropPath *graphs.Value) *graphs.Value {
	branch := m.attention(m.norm(x, blockName(i)+"norm1"), blockName(i)+"attn.")
	return m.residual(x, m.scale(branch, blockName(i)+"ls1"), dropPath, 2*i)
}

// hidden computes the hidden layer of a block's MLP.
func (m model) hidden(x *graphs.Value, i int) *graphs.Value {
	g := m.g
	x = m.linear(m.norm(x, blockName(i)+"norm2"), blockName(i)+"mlp.fc1")
	switch m.MLP {
	case QuickGELU:
		return g.Mul(x, g.Sigmoid(g.Scale(x, 1.702)))
	case SwiGLU:
		parts := g.Split(x, 1, m.Config.hidden(), m.Config.hidden())
		return g.Mul(g.Mul(parts[0], g.Sigmoid(parts[0])), parts[1])
	}
	return g.Gelu(x)
}

// mlp computes the MLP branch of a block from its hidden layer.
func (m model) mlp(hidden *graphs.Value, i int) *graphs.Value {
	return m.scale(m.linear(hidden, blockName(i)+"mlp.fc2"), blockName(i)+"ls2")
}

// scale multiplies the features of a branch [rows,Width] by LayerScale. In this shape gamma's gradient is a sum of
// columns.
func (m model) scale(branch *graphs.Value, name string) *graphs.Value {
	if !m.LayerScale {
		return branch
	}
	return m.g.Mul(branch, m.parameters[name+".gamma"])
}

// attention computes multi-head self-attention over the tokens of each image.
func (m model) attention(x *graphs.Value, name string) *graphs.Value {
	g, head := m.g, m.Width/m.Heads
	qkv := g.Reshape(m.queriesKeysValues(x, name), m.batch, m.tokens(), 3, m.Heads, head)
	qkv = g.Transpose(qkv, 2, 0, 3, 1, 4)
	var q, k, v *graphs.Value
	if m.Positions == Rotary {
		parts := g.Split(qkv, 0, 2, 1)
		turned := g.Split(m.rotate(parts[0]), 0, 1, 1)
		q, k, v = g.Squeeze(turned[0], 0), g.Squeeze(turned[1], 0), g.Squeeze(parts[1], 0)
	} else {
		parts := g.Split(qkv, 0, 1, 1, 1)
		q, k, v = g.Squeeze(parts[0], 0), g.Squeeze(parts[1], 0), g.Squeeze(parts[2], 0)
	}
	return m.linear(m.attendTo(q, k, v), name+"proj")
}

// attendTo computes attention of queries [B,Heads,Q,D] to keys and values [B,Heads,T,D]: [B·Q,Width].
func (m model) attendTo(q, k, v *graphs.Value) *graphs.Value {
	g, queries, head := m.g, q.Shape[2], m.Width/m.Heads
	scores := g.ScaledMatMul(float32(1/math.Sqrt(float64(head))), q, k, graphs.TransB)
	y := g.MatMul(g.Softmax(scores, -1), v, graphs.NoTrans)
	return g.Reshape(g.Transpose(y, 0, 2, 1, 3), m.rows(queries), m.Width)
}

// queriesKeysValues computes the three next to each other: [B·tokens,3·Width].
func (m model) queriesKeysValues(x *graphs.Value, name string) *graphs.Value {
	if m.Bias == FullBias {
		return m.linear(x, name+"qkv")
	}
	// A key's bias must stay 0. Rotated, it would no longer be the same for all keys.
	bias := m.g.Concat(0, m.parameters[name+"q_bias"], m.g.Filled(0, m.Width), m.parameters[name+"v_bias"])
	return m.g.Linear(x, m.parameters[name+"qkv.weight"], bias)
}

// residual adds a branch, multiplied by each image's drop-path factor.
func (m model) residual(x, branch, dropPath *graphs.Value, row int) *graphs.Value {
	g := m.g
	if dropPath == nil {
		return g.Add(x, branch)
	}
	factor := g.Reshape(g.Slice(dropPath, 0, int64(row), int64(row+1)), m.batch, 1)
	scaled := g.Mul(g.Reshape(branch, m.batch, branch.Len()/m.batch), factor)
	return g.Add(x, g.Reshape(scaled, branch.Shape...))
}

// classToken returns the first of an image's rows: [B·tokens,N] becomes [B,N].
func (m model) classToken(x *graphs.Value) *graphs.Value {
	g, n := m.g, x.Shape[1]
	return g.Reshape(g.Slice(g.Reshape(x, m.batch, m.tokens(), n), 1, 0, 1), m.batch, n)
}

// mean averages the patches of an image: [B·tokens,N] becomes [B,N].
func (m model) mean(x *graphs.Value) *graphs.Value {
	g, n := m.g, x.Shape[1]
	x = g.Reshape(x, m.batch, m.tokens(), n)
	return g.Reshape(g.MatMul(m.meanOfPatches(), x, graphs.NoTrans), m.batch, n)
}

// normalize applies the last LayerNorm to the pooled vectors [B,Width].
func (m model) normalize(x *graphs.Value) *graphs.Value {
	if m.Pool == Class {
		return m.norm(x, "norm")
	}
	x = m.norm(x, "fc_norm")
	if m.FCNormTwice {
		x = m.norm(x, "fc_norm")
	}
	return x
}

// meanOfPatches returns the row that averages the patch tokens and leaves out those before them. As a matrix product the
// mean needs neither a slice nor a reduction along an inner axis, for which CUDA would need cuDNN.
func (m model) meanOfPatches() *graphs.Value {
	row := make([]float32, m.tokens())
	for i := range row[m.prefix():] {
		row[m.prefix()+int64(i)] = 1 / float32(m.patches())
	}
	return m.g.Floats(row, 1, m.tokens())
}

// attentionPool lets a learned query attend to the tokens [B·tokens,Width], as timm's AttentionPoolLatent does:
// [B,Width].
func (m model) attentionPool(x *graphs.Value) *graphs.Value {
	g, head := m.g, m.Width/m.Heads
	q := m.linear(g.Reshape(m.parameters["attn_pool.latent"], 1, m.Width), "attn_pool.q")
	q = g.Expand(g.Reshape(q, 1, m.Heads, 1, head), m.images, m.batch, m.Heads, 1, head)
	kv := g.Reshape(m.linear(x, "attn_pool.kv"), m.batch, m.tokens(), 2, m.Heads, head)
	parts := g.Split(g.Transpose(kv, 2, 0, 3, 1, 4), 0, 1, 1)
	x = m.linear(m.attendTo(q, g.Squeeze(parts[0], 0), g.Squeeze(parts[1], 0)), "attn_pool.proj")
	hidden := g.Gelu(m.linear(m.norm(x, "attn_pool.norm"), "attn_pool.mlp.fc1"))
	return g.Add(x, m.linear(hidden, "attn_pool.mlp.fc2"))
}
