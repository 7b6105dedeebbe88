%% The work of work.ts by plain Erlang processes: `erl -noshell -run troupe_peer main PART WARM_UP_MS DURATION_MS`.
%% Asks go through gen_server, as Erlang programs make them: with a monitor and a deadline.
-module(troupe_peer).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2]).

-define(ASK_MS, 10000).

main([Part | Times]) ->
    [WarmUpMs, DurationMs] = [list_to_integer(T) || T <- Times],
    io:format("~p~n", [float(measure(Part, WarmUpMs, DurationMs))]),
    halt().

measure("heapPerActor", _, _) -> bytes_per_process(100000, false) / 100000;
measure("heapPerActorUsed", _, _) -> bytes_per_process(100000, true) / 100000;
measure("millionMb", _, _) -> resident_mb(1000000);
measure("timerLateMs", _, DurationMs) -> timer_late_ms(DurationMs);
measure("manyChildren", WarmUpMs, DurationMs) ->
    [Many, None] = rates([births(10000), births(0)], WarmUpMs, DurationMs),
    Many / None;
measure(Part, WarmUpMs, DurationMs) ->
    [Rate] = rates([job(Part)], WarmUpMs, DurationMs),
    Rate.

%% Units per second of each job; with several, they take turns until each has had its time.
rates(Jobs, WarmUpMs, DurationMs) ->
    Nothing = [{Job, 0, 0} || Job <- Jobs],
    run(Nothing, WarmUpMs),
    [Units / Us * 1000000 || {_, Units, Us} <- run(Nothing, DurationMs)].

run(Spent, ForMs) ->
    case lists:any(fun({_, _, Us}) -> Us < ForMs * 1000 end, Spent) of
        true -> run([piece(Job, ForMs) || Job <- Spent], ForMs);
        false -> Spent
    end.

piece({{N, Piece} = Job, Units, Us}, ForMs) when Us < ForMs * 1000 -> {Job, Units + N, Us + Piece()};
piece(Done, _) -> Done.

timed(Units, Work) ->
    {Units, fun() -> {Us, ok} = timer:tc(fun() -> Work(Units) end), Us end}.

job("tell") ->
    Self = self(),
    timed(200000, fun(N) ->
        Counter = spawn_link(fun() -> count(Self, N, 0) end),
        tell_all(Counter, 0, N),
        Sum = N * (N - 1) div 2,
        receive {handled, Counter, Sum} -> ok end
    end);
job("pingpong") ->
    timed(100000, fun(N) ->
        Self = self(),
        Ping = spawn_link(fun() -> player(Self, 0) end),
        Pong = spawn_link(fun() -> player(Self, 0) end),
        Ping ! {other, Pong},
        Pong ! {other, Ping},
        Ping ! {add, N - 1},
        Half = N div 2,
        receive {played, Ping, Half} -> ok end,
        receive {played, Pong, Half} -> ok end
    end);
job("ask") ->
    {ok, Server} = gen_server:start_link(?MODULE, [], []),
    timed(20000, fun(N) ->
        Sum = N * (N + 1) div 2,
        Sum = ask_all(Server, 0, N, 0),
        ok
    end);
job("ask1000") ->
    %% One process with many requests in flight: twice as fast as as many processes with one each.
    {ok, Server} = gen_server:start_link(?MODULE, [], []),
    timed(100000, fun(N) ->
        Wave = 1000 * 1001 div 2,
        [Wave = ask_wave(Server, 1000) || _ <- lists:seq(1, N div 1000)],
        ok
    end);
job("fanout") ->
    Self = self(),
    Rounds = 300,
    Counters = [spawn_link(fun() -> count_on(Self, Rounds) end) || _ <- lists:seq(1, 1000)],
    timed(1000 * Rounds, fun(_) ->
        [[Counter ! {add, Value} || Counter <- Counters] || Value <- lists:seq(0, Rounds - 1)],
        Sum = Rounds * (Rounds - 1) div 2,
        [receive {handled, Counter, Sum} -> ok end || Counter <- Counters],
        ok
    end);
job("spawn") ->
    N = 100000,
    {N, fun() ->
        %% In a process of its own, with which they end: one by one they would fill this one's mailbox.
        Self = self(),
        Before = erlang:system_info(process_count),
        Owner = spawn(fun() ->
            {Us, Pids} = timer:tc(fun() -> spawn_all(N) end),
            touch(Pids),
            Self ! {spawned, Us},
            exit(shutdown)
        end),
        Us = receive {spawned, Time} -> Time end,
        wait_until(fun() -> not is_process_alive(Owner) andalso erlang:system_info(process_count) =< Before end),
        Us
    end}.

births(Children) ->
    Self = self(),
    Parent = spawn_link(fun() ->
        process_flag(trap_exit, true),
        [spawn_link(fun idle/0) || _ <- lists:seq(1, Children)],
        parent(Self)
    end),
    timed(2000, fun(N) ->
        [birth_burst(Parent, 1000) || _ <- lists:seq(1, N div 1000)],
        ok
    end).

birth_burst(Parent, N) ->
    [Parent ! {add, 1} || _ <- lists:seq(1, N)],
    [receive gone -> ok end || _ <- lists:seq(1, N)].

parent(Owner) ->
    receive
        {add, _} ->
            spawn_link(fun() -> ok end),
            parent(Owner);
        {'EXIT', _, _} ->
            Owner ! gone,
            parent(Owner)
    end.

%% --- processes ------------------------------------------------------------------------------------------------------

tell_all(_, N, N) -> ok;
tell_all(To, Value, N) ->
    To ! {add, Value},
    tell_all(To, Value + 1, N).

count(Owner, 0, Sum) -> Owner ! {handled, self(), Sum};
count(Owner, Left, Sum) ->
    receive {add, Value} -> count(Owner, Left - 1, Sum + Value) end.

count_on(Owner, N) ->
    count(Owner, N, 0),
    count_on(Owner, N).

player(Owner, Handled) ->
    receive {other, Other} -> play(Owner, Other, Handled) end.

play(Owner, Other, Handled) ->
    receive
        {add, 0} ->
            Owner ! {played, self(), Handled + 1},
            Other ! over;
        {add, Value} ->
            Other ! {add, Value - 1},
            play(Owner, Other, Handled + 1);
        over ->
            Owner ! {played, self(), Handled}
    end.

ask_all(_, N, N, Sum) -> Sum;
ask_all(Server, Value, N, Sum) ->
    ask_all(Server, Value + 1, N, Sum + gen_server:call(Server, {increment, Value}, ?ASK_MS)).

ask_wave(Server, N) ->
    Asked = [gen_server:send_request(Server, {increment, Value}) || Value <- lists:seq(0, N - 1)],
    lists:sum([begin {reply, Answer} = gen_server:receive_response(Request, ?ASK_MS), Answer end || Request <- Asked]).

init(State) -> {ok, State}.

handle_call({increment, Value}, _, State) -> {reply, Value + 1, State}.

handle_cast(_, State) -> {noreply, State}.

idle() ->
    receive
        {add, Value, Owner} ->
            Owner ! {handled, Value},
            idle()
    end.

%% Processes that have begun, as each has said through a counter that costs no message.
spawn_all(N) ->
    Begun = counters:new(1, [atomics]),
    Pids = [spawn_link(fun() -> counters:add(Begun, 1, 1), idle() end) || _ <- lists:seq(1, N)],
    wait_until(fun() -> counters:get(Begun, 1) =:= N end),
    Pids.

wait_until(Condition) ->
    Condition() orelse begin erlang:yield(), wait_until(Condition) end.

touch(Pids) ->
    [Pid ! {add, 1, self()} || Pid <- Pids],
    [receive {handled, 1} -> ok end || _ <- Pids],
    ok.

%% --- memory and timers ------------------------------------------------------------------------------------------------

bytes_per_process(N, Used) ->
    erlang:garbage_collect(),
    Before = erlang:memory(processes),
    Pids = spawn_all(N),
    Used andalso touch(Pids),
    erlang:garbage_collect(),
    Bytes = erlang:memory(processes) - Before,
    Used orelse touch(Pids),
    Bytes.

resident_mb(N) ->
    Pids = spawn_all(N),
    erlang:garbage_collect(),
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kb]} = re:run(Status, "VmRSS:\\s+(\\d+) kB", [{capture, all_but_first, list}]),
    touch(Pids),
    list_to_integer(Kb) * 1024 / 1000000.

timer_late_ms(DurationMs) ->
    Self = self(),
    Until = now_us() + DurationMs * 1000,
    Flood = list_to_tuple([spawn_link(fun() -> flood(Until) end) || _ <- lists:seq(1, 100)]),
    [Pid ! {flood, Flood} || Pid <- tuple_to_list(Flood)],
    Timed = [spawn_link(fun() -> lates(Self, Until, 0) end) || _ <- lists:seq(1, 10)],
    [element(N rem 100 + 1, Flood) ! {hop, N} || N <- lists:seq(1, 10000)],
    Worst = lists:max([receive {late, Pid, Us} -> Us end || Pid <- Timed]),
    Worst / 1000.

flood(Until) ->
    receive {flood, Flood} -> flood(Until, Flood) end.

flood(Until, Flood) ->
    receive
        {hop, N} ->
            Now = now_us(),
            N rem 1000 =:= 0 andalso spin(Now + 1000),
            Now < Until andalso (element(N * 7 rem 100 + 1, Flood) ! {hop, N + 1}),
            flood(Until, Flood)
    end.

spin(Until) ->
    case now_us() < Until of
        true -> spin(Until);
        false -> ok
    end.

lates(Owner, Until, Worst) ->
    Due = now_us() + 15000,
    erlang:send_after(15, self(), due),
    receive due -> ok end,
    Now = now_us(),
    Late = max(Worst, Now - Due),
    case Now < Until of
        true -> lates(Owner, Until, Late);
        false -> Owner ! {late, self(), Late}
    end.

now_us() -> erlang:monotonic_time(microsecond).
