import timeit, numpy as np, symstack as ss
from symstack import tensor as T
def fns(dt,size,mul=False):
    ws=[ss.shared(np.zeros(size,dt)) for _ in range(10)]
    x=T.dscalar('x')
    return ss.function([x] if mul else [],[],updates=[(w,w*0.9+x if mul else w+np.ones((),dt)) for w in ws])
g=fns('f4',3); h=fns('f8',3); m=fns('f8',3,True)
t=lambda s: min(timeit.repeat(s,number=20000,repeat=60,globals=globals()))/20000*1e6
for i in range(3): print('f4 %.3f f8 %.3f with input %.3f 64 %.3f noop %.3f'%(t('g()'),t('h()'),t('m(1.0)'),0,t('noop()') if 0 else t('(lambda:0)()')))
