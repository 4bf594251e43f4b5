import numpy as np, symstack as ss
from symstack import tensor as T
x=T.dmatrix('x'); h0=T.dvector('h0'); W=ss.shared(np.random.default_rng(0).normal(size=(40,40)),name='W')
hs,_=ss.scan(lambda xt,h: T.tanh(xt + h@W), sequences=[x], outputs_info=[h0])
p,_=ss.scan(lambda a: a*2, outputs_info=[h0], n_steps=5)
def row(r,tot):
    i,_=ss.scan(lambda e,s: s+T.tanh(e)@T.ones((2,)), sequences=[r.reshape((-1,2))], outputs_info=[np.float64(0)])
    return tot+i[-1]
s,_=ss.scan(row, sequences=[x], outputs_info=[np.float64(0)])
f=ss.function([x,h0],[hs[-1],p[-1],s], profile=True)
for _ in range(10): f(np.zeros((100,40)),np.ones(40))
print(f.profile); 
import json; json.loads(f.profile.to_json())
print(f.profile.loops()[0].ops())
