//! `echoes 127.0.0.1:PORT threads|level|edge|async`: sends back what clients send, written in four ways.

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};
use rustix::event::epoll::{self, EventData, EventFlags};
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Context, Wake, Waker};
use std::{env, error::Error, future, thread};

const LISTENER: usize = usize::MAX - 1;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, way] = arguments.as_slice() else {
        return Err("usage: echoes 127.0.0.1:PORT threads|level|edge|async".into());
    };
    let address: SocketAddr = address.parse()?;
    if !address.ip().is_loopback() {
        return Err("this server is for learning: loopback addresses only".into());
    }
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(way != "threads")?;
    match way.as_str() {
        "threads" => threads(&listener)?,
        "level" => level(&listener)?,
        "edge" => edge(mio::net::TcpListener::from_std(listener))?,
        "async" => {
            let executor = Executor::new()?;
            let listener = executor.watch(mio::net::TcpListener::from_std(listener))?;
            executor.spawn(accept_all(listener));
            executor.run()?;
        }
        other => return Err(format!("{other} is no way to write a server").into()),
    }
    Ok(())
}

// ---- a thread for each client

fn threads(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (client, _) = listener.accept()?;
        thread::spawn(move || serve_in_thread(client));
    }
}

fn serve_in_thread(mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        client.write_all(buffer.split_at(count).0)?;
    }
}

// ---- an event loop, and the state that it keeps for each client

struct Client<S> {
    stream: S,
    /// What the client has not taken yet. Until it does, nothing more is read.
    output: Vec<u8>,
}

impl<S: Read + Write> Client<S> {
    /// Reads once, and writes. An error means that the client has gone; `WouldBlock`, that there is no more to do.
    fn step(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.output.extend_from_slice(buffer.split_at(count).0);
        }
        let count = self.stream.write(&self.output)?;
        self.output.drain(..count);
        Ok(())
    }
}

/// Level-triggered: a socket is reported for as long as it is readable, so one step is enough.
fn level(listener: &TcpListener) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER as u64), EventFlags::IN)?;
    let mut clients: Slab<Client<TcpStream>> = Slab::new();
    let mut events = Vec::with_capacity(256);
    loop {
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            let key = event.data.u64() as usize;
            if key == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                let place = clients.vacant_entry();
                let data = EventData::new_u64(place.key() as u64);
                epoll::add(&epoll, &stream, data, EventFlags::IN)?;
                let output = Vec::new();
                place.insert(Client { stream, output });
            } else if let Some(client) = clients.get_mut(key) {
                let was_full = !client.output.is_empty();
                match client.step() {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => drop(clients.remove(key)),
                    _ if was_full != client.output.is_empty() => {}
                    // A socket with room is reported for ever, so it is watched for room only while that matters.
                    _ if was_full => epoll::modify(&epoll, &client.stream, event.data, EventFlags::IN)?,
                    _ => epoll::modify(&epoll, &client.stream, event.data, EventFlags::OUT)?,
                }
            }
        }
    }
}

/// Edge-triggered: a socket is reported when something changes, so steps are made until it would block.
fn edge(mut listener: mio::net::TcpListener) -> io::Result<()> {
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(256));
    poll.registry()
        .register(&mut listener, Token(LISTENER), Interest::READABLE)?;
    let mut clients: Slab<Client<mio::net::TcpStream>> = Slab::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Token(key) = event.token();
            if key == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let place = clients.vacant_entry();
                    let interests = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(place.key()), interests)?;
                    let output = Vec::new();
                    place.insert(Client { stream, output });
                }
            } else if let Some(client) = clients.get_mut(key) {
                let end = loop {
                    if let Err(error) = client.step() {
                        break error.kind();
                    }
                };
                if end != ErrorKind::WouldBlock {
                    clients.remove(key);
                }
            }
        }
    }
}

// ---- async: what a client does, as if it had a thread

async fn accept_all(listener: Watched<mio::net::TcpListener>) -> io::Result<()> {
    loop {
        let (client, _) = listener.once_ready(|listener| listener.accept()).await?;
        client.set_nodelay(true)?;
        let client = listener.executor.watch(client)?;
        listener.executor.spawn(serve_in_task(client));
    }
}

async fn serve_in_task(client: Watched<mio::net::TcpStream>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        client.write_all(buffer.split_at(count).0).await?;
    }
}

// ---- async: the runtime

type Task = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// Runs tasks on this thread. It is the event loop from above.
#[derive(Clone)]
struct Executor(Rc<Loop>);

struct Loop {
    poll: RefCell<Poll>,
    next_token: Cell<usize>,
    /// Which task to wake when something happens to a socket.
    waiting: RefCell<HashMap<Token, Waker>>,
    /// Tasks that were spawned and not polled yet.
    spawned: RefCell<Vec<Task>>,
}

/// The numbers of tasks that can go on: the ready queue. A waker may be used by any thread, hence the lock.
type Ready = Arc<Mutex<VecDeque<usize>>>;

struct TaskWaker(usize, Ready);

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.0);
    }
}

impl Executor {
    fn new() -> io::Result<Self> {
        Ok(Self(Rc::new(Loop {
            poll: RefCell::new(Poll::new()?),
            next_token: Cell::new(0),
            waiting: RefCell::default(),
            spawned: RefCell::default(),
        })))
    }

    fn spawn(&self, task: impl Future<Output = io::Result<()>> + 'static) {
        self.0.spawned.borrow_mut().push(Box::pin(task));
    }

    fn watch<S: Source>(&self, mut socket: S) -> io::Result<Watched<S>> {
        let token = Token(self.0.next_token.replace(self.0.next_token.get() + 1));
        let interests = Interest::READABLE | Interest::WRITABLE;
        self.0
            .poll
            .borrow()
            .registry()
            .register(&mut socket, token, interests)?;
        let executor = self.clone();
        Ok(Watched {
            socket,
            token,
            executor,
        })
    }

    fn run(&self) -> io::Result<()> {
        let mut tasks: Slab<(Task, Waker)> = Slab::new();
        let ready = Ready::default();
        let mut events = Events::with_capacity(256);
        loop {
            loop {
                for task in self.0.spawned.take() {
                    let place = tasks.vacant_entry();
                    let waker = Waker::from(Arc::new(TaskWaker(place.key(), Arc::clone(&ready))));
                    waker.wake_by_ref();
                    place.insert((task, waker));
                }
                let next = ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(key) = next else {
                    break;
                };
                if let Some((task, waker)) = tasks.get_mut(key)
                    && task.as_mut().poll(&mut Context::from_waker(waker)).is_ready()
                {
                    drop(tasks.remove(key));
                }
            }
            self.0.poll.borrow_mut().poll(&mut events, None)?;
            for event in &events {
                let waiting = self.0.waiting.borrow_mut().remove(&event.token());
                waiting.into_iter().for_each(Waker::wake);
            }
        }
    }
}

/// A socket that the executor watches.
struct Watched<S> {
    socket: S,
    token: Token,
    executor: Executor,
}

impl<S> Watched<S> {
    /// Makes a call again and again, whenever something has happened to the socket, until it does not block.
    async fn once_ready<T>(&self, mut call: impl FnMut(&S) -> io::Result<T>) -> io::Result<T> {
        future::poll_fn(|context| match call(&self.socket) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut waiting = self.executor.0.waiting.borrow_mut();
                waiting.insert(self.token, context.waker().clone());
                task::Poll::Pending
            }
            result => task::Poll::Ready(result),
        })
        .await
    }
}

impl Watched<mio::net::TcpStream> {
    async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.once_ready(|mut socket| socket.read(buffer)).await
    }

    async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.once_ready(|mut socket| socket.write(bytes)).await?;
            bytes = bytes.split_at(count).1;
        }
        Ok(())
    }
}
