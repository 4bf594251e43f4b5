import time, numpy as np, symstack as ss
from symstack import tensor as T
import timeit
x=T.dmatrix('x'); c=T.lscalar('c'); d=T.dscalar('d')
big=x
for _ in range(6): big = big @ x
def best(f,*a,n=20000,r=15):
    m=9e9
    for _ in range(r):
        t=time.perf_counter()
        for _ in range(n): f(*a)
        m=min(m,(time.perf_counter()-t)/n)
    return m*1e6
v=np.random.default_rng(0).normal(size=(1200,1200))
for name,cond,val in (('integer input',c,0),('float input',d>0,-1.0),('computed', (x[0,0]>1e9), None)):
    inp=[x]+([c] if cond is c else [d] if val is not None else [])
    f=ss.function(inp, ss.ifelse(cond, big.sum(), x[0,0]))
    g=ss.function(inp, x[0,0], on_unused_input='ignore')
    args=(v,)+((val,) if val is not None else ())
    args1=(v,)+((1,) if val is not None else ())
    if val is not None:
        t=time.perf_counter(); f(*args1); taken=time.perf_counter()-t
    else: taken=float('nan')
    print(name, 'taken %.2f s'%taken, 'not taken %.3f us, without ifelse %.3f us'%(best(f,*args),best(g,*args)))
ws=[ss.shared(np.zeros(3)) for _ in range(10)]
f=ss.function([],[],updates=[(w,w+1) for w in ws]); print('10 updates', best(f))
w0=[ss.shared(np.zeros(1)) for _ in range(10)]
f=ss.function([],[],updates=[(w,w+1) for w in w0]); print('10 updates of 1', best(f))
def chain(n):
    y=T.dvector('y'); z=y
    for k in range(n): z = T.exp(z) if k%2 else z*0.5
    m=ss.Mode() if 0 else None
    return ss.function([y], z, mode=ss.get_mode('FAST_RUN').excluding('fuse') if hasattr(ss,'get_mode') else None)
f0,f1=chain(2),chain(102)
print(len(f1.plan.order), 'ns a node', (best(f1,np.ones(1),n=3000)-best(f0,np.ones(1),n=3000))*10)
