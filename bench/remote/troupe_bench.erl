%% Erlang's side of the remote benchmark: one node receives, the other sends over Erlang distribution.
-module(troupe_bench).
-behaviour(gen_server).
-export([receiver/0, sender/1, init/1, handle_call/3, handle_cast/2]).

%% Sends between two looks at the clock.
-define(BATCH, 64).
-define(ARRIVE_MS, 30000).

%% Runs the receiving node: a process that counts messages, and one that answers calls.
receiver() ->
    {ok, _} = gen_server:start({local, answerer}, ?MODULE, [], []),
    register(counter, spawn(fun() -> count(0, 0) end)),
    io:format("ready~n").

%% Runs the sending node. A command is a line, `tell BYTES MS` or `ask LOOPS BYTES MS`; the answer is a line with what there was a second.
sender([Name]) ->
    Node = list_to_atom(Name),
    pong = net_adm:ping(Node),
    io:format("ready~n"),
    commands(Node).

commands(Node) ->
    case io:get_line("") of
        eof -> halt();
        Line ->
            [Command | Texts] = string:lexemes(Line, " \n"),
            PerSecond = run(Command, [list_to_integer(Text) || Text <- Texts], Node),
            io:format("~p~n", [PerSecond]),
            commands(Node)
    end.

run("tell", [Bytes, Ms], Node) ->
    Counter = rpc:call(Node, erlang, whereis, [counter]),
    Body = binary:copy(<<"x">>, Bytes),
    Start = now_us(),
    Sent = tell(Counter, Body, Start + Ms * 1000, 0),
    Counter ! {report, self()},
    receive
        {arrived, Sent, Size} when Size =:= Sent * Bytes -> Sent * 1.0e6 / (now_us() - Start)
    after ?ARRIVE_MS -> exit(lost)
    end;
run("ask", [Loops, Bytes, Ms], Node) ->
    Answerer = rpc:call(Node, erlang, whereis, [answerer]),
    Body = binary:copy(<<"x">>, Bytes),
    Start = now_us(),
    Until = Start + Ms * 1000,
    Workers = [spawn_monitor(fun() -> exit({done, ask(Answerer, Body, Until, 0)}) end) || _ <- lists:seq(1, Loops)],
    Asked = lists:sum([receive {'DOWN', Monitor, process, Pid, {done, N}} -> N end || {Pid, Monitor} <- Workers]),
    Asked * 1.0e6 / (now_us() - Start).

tell(Counter, Body, Until, Sent) ->
    case now_us() < Until of
        true -> repeat(?BATCH, Counter, Body), tell(Counter, Body, Until, Sent + ?BATCH);
        false -> Sent
    end.

repeat(0, _, _) -> ok;
repeat(N, Counter, Body) -> Counter ! Body, repeat(N - 1, Counter, Body).

ask(Answerer, Body, Until, Asked) ->
    case now_us() < Until of
        true -> Body = gen_server:call(Answerer, Body), ask(Answerer, Body, Until, Asked + 1);
        false -> Asked
    end.

init([]) -> {ok, nothing}.
handle_call(Body, _From, State) -> {reply, Body, State}.
handle_cast(_, State) -> {noreply, State}.

count(Messages, Bytes) ->
    receive
        {report, From} -> From ! {arrived, Messages, Bytes}, count(0, 0);
        Body -> count(Messages + 1, Bytes + byte_size(Body))
    end.

now_us() -> erlang:monotonic_time(microsecond).
