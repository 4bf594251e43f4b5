import sys, numpy as np, tempfile, pathlib
sys.path.insert(0,'/tmp/expo/packages/symcodegen/tests')
import test_export as te
from symcore import tensor as T, grad, shared
from symcore.ifelse import ifelse
from symopt import function
import symscan
def run(self, *values):
    pass
which = sys.argv[1:]
def tmp(): return pathlib.Path(tempfile.mkdtemp())
if 'plain' in which:
    x=T.dvector('x'); te.same(function([x],[T.exp(x), x.sum()]), tmp(), ([1.,2.],))
if 'loop' in which:
    x=T.dmatrix('x'); h0=T.dvector('h0'); W=shared(np.random.default_rng(0).normal(size=(4,4)),name='W')
    hs=symscan.scan(lambda xt,h: T.tanh(xt + h@W), sequences=[x], outputs_info=[h0])
    hs = hs[0] if isinstance(hs,(tuple,list)) else hs
    f=function([x,h0],[hs, hs[-1].sum()])
    print([ (str(n.op)[:40],w,h) for n,w,h in f.placement()])
    te.same(f, tmp(), (np.random.default_rng(1).normal(size=(7,4)), np.zeros(4)))
