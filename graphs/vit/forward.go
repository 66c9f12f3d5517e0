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

// Features computes the part of Forward below the head: [B,Width], pooled and normalised.
func (c Config) Features(g *graphs.Graph, images, dropPath *graphs.Value,
	parameters map[string]*graphs.Value) *graphs.Value {
	m := model{Config: c, g: g, parameters: parameters, batch: images.Shape[0]}
	x := m.embed(images)
	last := c.Depth - 1
	for i := range last {
		x = m.block(x, i, dropPath)
	}
	return m.normalize(m.pooledBlock(x, last, dropPath))
}

// Classify computes the head: logits float32 [B,Classes] from Features.
func (c Config) Classify(g *graphs.Graph, features *graphs.Value, parameters map[string]*graphs.Value) *graphs.Value {
	return model{Config: c, g: g, parameters: parameters}.linear(features, "head")
}

type model struct {
	Config
	g          *graphs.Graph
	parameters map[string]*graphs.Value
	batch      int64
}

func (m model) tokens() int64 { return 1 + m.patches() }

// rows returns the number of rows of a batch, or -1 if the batch is Dynamic.
func (m model) rows(perImage int64) int64 {
	if m.batch == graphs.Dynamic {
		return -1
	}
	return m.batch * perImage
}

// embed cuts images into patches and projects them. This is a convolution whose kernel equals its stride, written as a
// matrix product. The result is [B·tokens,Width].
func (m model) embed(images *graphs.Value) *graphs.Value {
	g, p, side := m.g, m.Patch, m.ImageSize/m.Patch
	x := g.Reshape(images, m.batch, 3, side, p, side, p)
	x = g.Transpose(x, 0, 2, 4, 1, 3, 5)
	x = g.Reshape(x, m.rows(m.patches()), 3*p*p)
	weight := g.Reshape(m.parameters["patch_embed.proj.weight"], m.Width, 3*p*p)
	x = g.Linear(x, weight, m.parameters["patch_embed.proj.bias"])
	x = g.Reshape(x, m.batch, m.patches(), m.Width)
	class := g.Expand(m.parameters["cls_token"], images, m.batch, 1, m.Width)
	x = g.Add(g.Concat(1, class, x), m.parameters["pos_embed"])
	return g.Reshape(x, m.rows(m.tokens()), m.Width)
}

func (m model) norm(x *graphs.Value, name string) *graphs.Value {
	y, _, _ := m.g.LayerNormalization(x, m.parameters[name+".weight"], m.parameters[name+".bias"], epsilon)
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
	if m.Pool == Class {
		x = m.pool(x)
		hidden = m.hidden(x, i)
	} else {
		hidden = m.pool(m.hidden(x, i))
		x = m.pool(x)
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
	return m.g.Gelu(m.linear(m.norm(x, blockName(i)+"norm2"), blockName(i)+"mlp.fc1"))
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
	qkv := g.Reshape(m.linear(x, name+"qkv"), m.batch, m.tokens(), 3, m.Heads, head)
	qkv = g.Transpose(qkv, 2, 0, 3, 1, 4)
	parts := g.Split(qkv, 0, 1, 1, 1)
	q, k, v := g.Squeeze(parts[0], 0), g.Squeeze(parts[1], 0), g.Squeeze(parts[2], 0)
	scores := g.ScaledMatMul(float32(1/math.Sqrt(float64(head))), q, k, graphs.TransB)
	y := g.MatMul(g.Softmax(scores, -1), v, graphs.NoTrans)
	y = g.Reshape(g.Transpose(y, 0, 2, 1, 3), m.rows(m.tokens()), m.Width)
	return m.linear(y, name+"proj")
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

// pool reduces rows [B·tokens,N] to [B,N]: to the mean of the patch tokens, or to the class token.
func (m model) pool(x *graphs.Value) *graphs.Value {
	g, n := m.g, x.Shape[1]
	x = g.Reshape(x, m.batch, m.tokens(), n)
	if m.Pool == Class {
		return g.Reshape(g.Slice(x, 1, 0, 1), m.batch, n)
	}
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

// meanOfPatches returns the row that averages the patch tokens and leaves out the class token. As a matrix product the
// mean needs neither a slice nor a reduction along an inner axis, for which CUDA would need cuDNN.
func (m model) meanOfPatches() *graphs.Value {
	row := make([]float32, m.tokens())
	for i := range row[1:] {
		row[1+i] = 1 / float32(m.patches())
	}
	return m.g.Floats(row, 1, m.tokens())
}
