"""The node types that flowc brings along."""

from flowc.nodes.agent import Agent
from flowc.nodes.chunk import Chunk
from flowc.nodes.classify import Classify
from flowc.nodes.code import Code
from flowc.nodes.conditional import Conditional
from flowc.nodes.connector import Connector
from flowc.nodes.embed import Embed
from flowc.nodes.emit import Emit
from flowc.nodes.end import End
from flowc.nodes.fail import Fail
from flowc.nodes.http import Http
from flowc.nodes.human import Human
from flowc.nodes.ingest import Ingest
from flowc.nodes.llm import Llm
from flowc.nodes.loop import Loop
from flowc.nodes.map import Map
from flowc.nodes.mcp import Mcp
from flowc.nodes.merge import Merge
from flowc.nodes.ocr import Ocr
from flowc.nodes.read_file import ReadFile
from flowc.nodes.retrieve import Retrieve
from flowc.nodes.set import Set
from flowc.nodes.start import Start
from flowc.nodes.store import Store
from flowc.nodes.subworkflow import Subworkflow
from flowc.nodes.switch import Switch
from flowc.nodes.template import Template
from flowc.nodes.transform import Transform
from flowc.nodes.wait import Wait

NODE_TYPES = (
    Start,
    End,
    Conditional,
    Switch,
    Merge,
    Loop,
    Map,
    Subworkflow,
    Set,
    Wait,
    Fail,
    Llm,
    Classify,
    Agent,
    Transform,
    Template,
    Code,
    Http,
    Connector,
    Mcp,
    Emit,
    Human,
    ReadFile,
    Chunk,
    Embed,
    Store,
    Retrieve,
    Ingest,
    Ocr,
)
