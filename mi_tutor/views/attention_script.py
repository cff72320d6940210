"""The script of an attention view: it draws the chosen head from the numbers beside it, and asks for nothing else."""

# The view is at most 520 pixels high, its line of words included; labels that would be smaller than 8 pixels are thinned,
# and the pointer tells them. Small heads stand in the empty corner of a causal pattern if they fit there, else beside it.
# JupyterLab would take the arrow keys and Enter for its own if they came through.
_SOURCE = """
{const d=DATA,all=document.currentScript.parentNode.querySelectorAll(".mi-tutor-attention"),box=all[all.length-1],
still=box.firstElementChild,n=d.tokens.length,live=document.createElement("div");
const unpack=p=>{let i=0;return d.heads.map(()=>Array.from({length:n},(_,q)=>Array.from({length:n},(_,k)=>
p.low&&k>q?0:+(p.n[i++]*p.by).toPrecision(3))))};
d.kinds.forEach(kind=>{kind.maps=unpack(kind)});
const wide=Math.min(18,Math.max(...d.tokens.map(t=>t.length)));let size=12,under,side;
for(const _ of "123"){under=14+.6*size*wide;side=Math.min(26*n,Math.round(440-under));size=Math.max(8,Math.min(12,Math.floor(side/n)))}
const cell=side/n,ahead=under,every=Math.ceil(8/cell);
const element=(tag,style,text)=>{const e=document.createElement(tag);e.style.cssText=style;if(text!==undefined)e.textContent=text;
return e};
const paint=(canvas,map,top)=>{canvas.width=canvas.height=n;const c=canvas.getContext("2d"),image=c.createImageData(n,n);
map.flat().forEach((v,i)=>{const s=v/top;image.data.set([...(s<0?[180,100,0]:[50,130,210]),255*Math.min(1,Math.abs(s))],4*i)});
c.putImageData(image,0,0)};
live.id="mi-tutor-"+Math.random().toString(36).slice(2);
live.style.cssText="position:relative;overflow-x:auto;font:13px system-ui,sans-serif";
live.onkeydown=e=>e.stopPropagation();
const bare="background:none;color:inherit;font:inherit;font-size:12px;border:1px solid rgba(128,128,128,.5);border-radius:3px;cursor:pointer;",
mark=(buttons,at)=>buttons.forEach((b,i)=>{b.setAttribute("aria-pressed",i==at);
b.style.boxShadow=i==at?"0 0 0 2px #3282D2":"none"});
let head=0,kind=0;
const title=element("b",""),line=element("div","display:flex;flex-wrap:wrap;gap:4px 10px;align-items:center;margin:2px 4px 6px");
line.append(title);
const kinds=d.kinds.map((one,i)=>{const b=element("button",bare+"padding:1px 8px",one.name);b.onclick=()=>{kind=i;show()};return b});
if(kinds.length>1)line.append(...kinds);
const across=d.heads.length<5?d.heads.length:Math.min(Math.ceil(d.heads.length/2),Math.max(4,Math.floor(side/112))),
rows=Math.ceil(d.heads.length/across),corner=d.causal&&side-across*54>=rows*68,
picker=element("div",`display:grid;grid-template-columns:repeat(${across},auto);gap:6px;`+(corner?
`position:absolute;z-index:1;right:0;top:0`:"align-self:start")),
row=element("div","display:flex;flex-wrap:wrap;gap:14px"),
place=element("div",`position:relative;flex:none;width:${ahead+side+4}px;height:${side+under}px`),
map=element("canvas",`position:absolute;left:${ahead}px;top:0;width:${side}px;height:${side}px;image-rendering:pixelated`),
said=element("div","min-height:1.5em;margin:2px 4px;font-size:90%");
const small=d.heads.map((name,i)=>{const b=element("button",bare+"padding:2px;min-width:48px"),c=element("canvas",
"display:block;margin:auto;width:40px;height:40px;image-rendering:pixelated");b.append(c,element("span","",name));
b.onclick=()=>{head=i;show()};b.canvas=c;return b});
picker.append(...small);
const edge=d.causal?`M0 0H${cell}L${side} ${side-cell}V${side}H0Z`:`M0 0H${side}V${side}H0Z`,labels=d.tokens.map((_,i)=>i%every?"":
`<text data-at="${i}" x="-5" y="${(i+.5)*cell+size*.35}" text-anchor="end"></text>`+
`<text data-at="${i}" text-anchor="end" transform="translate(${(i+.5)*cell+size*.35} ${side+5}) rotate(-90)"></text>`).join("");
const frame=element("div",`position:absolute;left:0;top:0;pointer-events:none`);
frame.innerHTML=`<svg width="${ahead+side+4}" height="${side+under}" style="overflow:visible;display:block">`+
`<g transform="translate(${ahead} 0)" font-size="${size}" fill="currentColor"><path d="${edge}" fill="none" stroke="currentColor" `+
`stroke-opacity=".35"/><rect width="${cell}" height="${cell}" fill="none" stroke="currentColor" visibility="hidden"/>${labels}</g></svg>`;
const texts=[...frame.querySelectorAll("text")],spot=frame.querySelector("rect"),cut=t=>t.length>18?t.slice(0,17)+"…":t;
texts.forEach(t=>{t.textContent=cut(d.tokens[t.dataset.at])});
const tell=(q,k)=>{const on=q>=0&&q<n&&k>=0&&k<n&&!(d.causal&&k>q);
texts.forEach((t,i)=>{t.style.fontWeight=on&&+t.dataset.at==(i%2?k:q)?"bold":"normal"});
spot.setAttribute("visibility",on?"visible":"hidden");
if(on){spot.setAttribute("x",k*cell);spot.setAttribute("y",q*cell)}
said.textContent=on?`${d.tokens[q]} reads ${d.tokens[k]}: ${d.kinds[kind].maps[head][q][k]}`:d.kinds[kind].caption};
map.onpointermove=e=>{const r=map.getBoundingClientRect();
tell(Math.floor((e.clientY-r.top)/r.height*n),Math.floor((e.clientX-r.left)/r.width*n))};
map.onpointerleave=()=>tell(-1,-1);
const show=()=>{const now=d.kinds[kind];paint(map,now.maps[head],now.top);small.forEach((b,i)=>paint(b.canvas,now.maps[i],now.top));
title.textContent=(/^\\d/.test(d.heads[head])?"head ":"")+d.heads[head]+(kinds.length>1?"":": "+now.name);
mark(small,head);mark(kinds,kind);tell(-1,-1)};
place.append(map,frame);if(corner)place.append(picker);row.append(place);if(!corner&&d.heads.length>1)row.append(picker);
if(d.heads.length<2)picker.remove();
live.append(line,row,said);box.append(live);show();still.hidden=true}
"""
SCRIPT = _SOURCE.strip().replace("\n", " ")
