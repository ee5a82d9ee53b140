using System.Globalization;
using Metering.Core.Leases;
using Metering.Core.Leases.Gateway;
using Metering.Core.Leases.Governor;
using Metering.Core.Policies;
using Metering.Core.Windows;
using Metering.Simulation.World;

namespace Metering.Simulation.Leases;

/// <summary>
/// One history of leases, drawn from a seed: two governors that are killed and restored from their last commit, gateways that are
/// killed and cut off, requests on several accounts at once, a broker between them that delays, doubles and reorders more than
/// Kafka does, clocks that jump, limits that change, windows that turn. Then all is healed: everything must come to rest, all
/// that is left must be usable, and everybody who waits must be served.
/// </summary>
internal sealed partial class LeaseHistory
{
    private const int Partitions = 2;
    private const int TraceLength = 80;

    private static readonly LeaseGovernorOptions GovernorTimes = new()
    {
        LeaseTtl = TimeSpan.FromSeconds(2),
        WriteOffAfter = TimeSpan.FromSeconds(8),
        SafeShareTtl = TimeSpan.FromSeconds(8),
        NextWindowLead = TimeSpan.FromMilliseconds(500),
    };

    private static readonly LeaseBookOptions BookTimes = new()
    {
        ControlLostAfter = TimeSpan.FromMilliseconds(700),
        IdleAfter = TimeSpan.FromSeconds(1),
        NextWindowLead = TimeSpan.FromMilliseconds(500),
    };

    private readonly Random _random;
    private readonly SimWorld _world;
    private readonly SimUpstreams _upstreams = new();
    private readonly SimPartition[] _partitions = [new(), new()];
    private readonly SimGovernor?[] _governors = new SimGovernor?[Partitions];
    private readonly List<SimUnleased>[] _unleased = [[], []];
    private readonly long[] _clockAhead = new long[Partitions];
    private readonly SimGateway[] _gateways;
    private readonly Dictionary<AccountKey, HardLimit> _limits = [];
    private readonly AccountKey[] _accounts;
    private readonly LostControl[] _lostControl;
    private readonly Queue<string> _trace = [];
    private readonly int _chaos;
    private readonly int _smallest;
    private readonly HashSet<string> _recovered = new(StringComparer.Ordinal);
    private int _instances;
    private bool _isHealed;

    private LeaseHistory(int seed)
    {
        _random = new Random(seed);
        _world = new SimWorld(_random);
        _chaos = _random.Next(4);
        _smallest = _random.Next(2) == 0 ? 8 : 100;
        var periods = (LimitPeriod[])[LimitPeriod.Second, LimitPeriod.Minute, LimitPeriod.Minute, LimitPeriod.Hour, LimitPeriod.Day];
        _accounts = [.. Enumerable.Range(0, _random.Next(1, 5)).Select(i => new AccountKey($"tenant={i}", i % 2 == 0 ? LimitUnit.Tokens : LimitUnit.Usd, periods[_random.Next(5)]))];
        var modes = (LostControl[])[LostControl.Hold, LostControl.Hold, LostControl.SafeShare, LostControl.Closed];
        _lostControl = [.. _accounts.Select(_ => modes[_random.Next(4)])];
        for (var i = 0; i < _accounts.Length; i++)
            _limits[_accounts[i]] = new HardLimit("p", _random.Next(20, 4_000), _lostControl[i] == LostControl.SafeShare ? 100_000 : 0);
        _gateways = [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => NewGateway())];
    }

    public long Served { get; private set; }

    public long Steps => _world.Steps;

    /// <summary>Hash of all that happened.</summary>
    public ulong Fingerprint { get; private set; } = 14_695_981_039_346_656_037;

    /// <exception cref="SimulationFailedException">An invariant does not hold; it names the seed and the last steps.</exception>
    public static LeaseHistory Run(int seed)
    {
        var history = new LeaseHistory(seed);
        try
        {
            history.Play();
            return history;
        }
        catch (Exception error)
        {
            throw new SimulationFailedException(seed, "--leases", history._world.Steps, error, history._trace);
        }
    }

    private void Play()
    {
        for (var partition = 0; partition < Partitions; partition++)
            RunGovernor(partition);
        for (var place = 0; place < _gateways.Length; place++)
            RunGateway(place);
        if (_chaos > 0)
            _world.Every(static () => 30_000, Fault);
        _world.RunUntil(SimWorld.Start + 6_000_000);
        Heal();
        // Doubled requests, and how long their wishes count; before anything is written off.
        _world.RunUntil(_world.Now + 8_000_000);
        CheckReturned();
        CheckRecovered();
        // The longest: the last doubled request, how long its wish counts though its gateway is gone, the lease's time, and its write-off.
        _world.RunUntil(_world.Now - 8_000_000 + 4_500_000 + 3_000_000 + 2_000_000 + 8_000_000 + 1_500_000);
        CheckRest();
        CheckAllIsUsable();
        CheckNobodyStarves();
    }

    private void RunGovernor(int partition)
    {
        var jitter = _random.Next(0, 5_000);
        _world.Every(() => _isHealed ? 10_000 : 2_000, () =>
        {
            if (_governors[partition] is not { } governor)
                return true;
            governor.Process(_isHealed ? int.MaxValue : _random.Next(1, 20));
            if (!governor.HasUrgent && (_world.Now - jitter) % 50_000 >= (_isHealed ? 10_000 : 2_000))
                return true;
            if (!_isHealed && _chaos > 0 && _random.Next(400) == 0)
            {
                Tell("kill before commit", partition);
                Kill(partition);
                return true;
            }
            foreach (var account in Accounts(partition))
                NoteLimit(account, governor.Governor.NowMicros);
            var isDone = governor.Commit(Clock(partition));
            foreach (var account in Accounts(partition))
                NoteLimit(account, governor.Governor.NowMicros);
            if (!isDone)
                throw new Violation("R8 a governor that nobody replaced is fenced");
            _unleased[partition].AddRange(governor.Unleased);
            governor.Unleased.Clear();
            CheckAccounts(partition, governor.Governor);
            Publish(partition);
            return true;
        });
        _governors[partition] = NewGovernor(partition);
    }

    private void RunGateway(int place)
    {
        _world.Every(static () => 10_000, () =>
        {
            _gateways[place].Collect();
            return true;
        });
        _world.After(_random.Next(300_000), () => Client(place, _random.Next(2, 60) * 1_000L));
    }

    /// <summary>Sends a request every now and then, as long as faults last.</summary>
    private void Client(int place, long everyMicros)
    {
        if (_isHealed)
            return;
        Request(_gateways[place], NewNeeds(_gateways[place], _smallest), 250_000);
        _world.After(_random.NextInt64(2 * everyMicros), () => Client(place, _random.Next(30) == 0 ? _random.Next(2, 200) * 1_000L : everyMicros));
    }

    private void Request(SimGateway gateway, LeaseNeed[] needs, long patience)
    {
        var result = gateway.Book.Reserve(needs, gateway.Now, out var reservation);
        if (result == ReserveResult.Reserved)
            Serve(gateway, needs, reservation!, _random.Next(1_000, 600_000), _random.Next(3) == 0);
        else if (result == ReserveResult.Short)
            gateway.Book.Wait(needs, gateway.Now, gateway.Now + patience, waiter => Waited(gateway, needs, waiter));
    }

    private void Waited(SimGateway gateway, LeaseNeed[] needs, LeaseWaiter waiter)
    {
        if (gateway.IsDead)
            return;
        if (waiter.Reservation is { } reservation)
        {
            Serve(gateway, needs, reservation, _random.Next(1_000, 600_000), _random.Next(3) == 0);
            return;
        }
        // What is left is smaller than the worst case: a smaller call.
        var less = needs.Select(need => new LeaseNeed(need.Account, Math.Min(need.Amount, gateway.Book.Available(need.Account, gateway.Now)))).ToArray();
        if (less.All(static need => need.Amount > 0) && gateway.Book.Reserve(less, gateway.Now, out reservation) == ReserveResult.Reserved)
            Serve(gateway, less, reservation!, _random.Next(1_000, 100_000), isAll: true);
    }

    private void Serve(SimGateway gateway, LeaseNeed[] needs, LeaseReservation reservation, long micros, bool isAll)
    {
        _upstreams.Admit(reservation, needs);
        gateway.Journal.Add(reservation); // R4: before it is forwarded
        Served++;
        var used = needs.Select(need => isAll ? need.Amount : _random.NextInt64(need.Amount + 1)).ToArray();
        _world.After(micros, () =>
        {
            _upstreams.End(reservation, needs, used);
            if (gateway.IsDead)
                return;
            gateway.Journal.Remove(reservation);
            Publish(gateway, reservation, used);
            gateway.Book.Settle(reservation, used, gateway.Now);
        });
    }

    private bool Fault()
    {
        if (_isHealed)
            return false;
        if (_random.Next(100) >= 6 * _chaos)
            return true;
        var (partition, place) = (_random.Next(Partitions), _random.Next(_gateways.Length));
        switch (_random.Next(8))
        {
            case 0:
                Tell("kill governor", partition);
                Kill(partition);
                break;
            case 1:
                Tell("kill gateway", place);
                KillGateway(_gateways[place]);
                _gateways[place] = NewGateway();
                break;
            case 2:
                Tell("cut off gateway", place);
                _gateways[place].CutOffUntil = _world.Now + _random.Next(10_000, 3_000_000);
                break;
            case 3 or 4 when _chaos > 1:
                Tell("clock jumps", partition);
                _clockAhead[partition] = _random.Next(3) == 0 ? 0 : _random.NextInt64(-4_000_000, 4_000_000);
                break;
            case 5:
                Tell("limit changes", 0);
                var account = _accounts[_random.Next(_accounts.Length)];
                _limits[account] = _limits[account] with { Amount = _random.Next(20, 4_000) };
                Tell("to", (int)_limits[account].Amount);
                if (_governors[PartitionOf(account)] is { } governor)
                {
                    governor.Governor.SetLimits(account, [_limits[account]]);
                    NoteLimit(account, governor.Governor.NowMicros);
                }
                break;
            case 6:
                Tell("unleased", partition);
                foreach (var one in Accounts(partition))
                    _partitions[partition].Input.Add((new SimUnleased(one, _world.Now - _random.Next(2_000_000), _random.Next(30)), _world.Now));
                break;
            default:
                Tell("burst", place);
                for (var i = _random.Next(1, 12); i > 0; i--)
                    Request(_gateways[place], NewNeeds(_gateways[place], 2), 250_000);
                break;
        }
        return true;
    }

    private void Heal()
    {
        Tell("heal", 0);
        _isHealed = true;
        foreach (var gateway in _gateways)
            gateway.CutOffUntil = 0;
        for (var partition = 0; partition < Partitions; partition++)
        {
            _governors[partition] ??= NewGovernor(partition);
            // A clock that was ahead: the governor's now waits for it (R27), and so do its windows.
            _clockAhead[partition] = Math.Max(0, _governors[partition]!.Governor.NowMicros - _world.Now);
        }
    }

    private void Kill(int partition)
    {
        _governors[partition] = null;
        _world.After(_random.Next(1_000, 1_500_000), () => _governors[partition] ??= NewGovernor(partition));
    }

    private LeaseNeed[] NewNeeds(SimGateway gateway, int part)
    {
        var accounts = _accounts.Where(_ => _random.Next(2) == 0).ToArray();
        if (accounts.Length == 0)
            accounts = [_accounts[_random.Next(_accounts.Length)]];
        _random.Shuffle(accounts);
        return [.. accounts.Select(account => new LeaseNeed(Handle(gateway, account), _random.NextInt64(1, Math.Max(2, _limits[account].Amount / _random.Next(1, part)))))];
    }

    private SimGateway NewGateway()
    {
        SimGateway gateway = null!;
        gateway = new SimGateway(_world, string.Create(CultureInfo.InvariantCulture, $"i{_instances++}"), BookTimes, request => Send(gateway, request)) { Read = new int[Partitions] };
        foreach (var account in _accounts)
            Handle(gateway, account);
        return gateway;
    }

    private SimGovernor NewGovernor(int partition)
    {
        Tell("new governor", partition);
        return new SimGovernor(_partitions[partition], partition, GovernorTimes, _limits.Where(limit => PartitionOf(limit.Key) == partition), _random);
    }

    private BookAccount Handle(SimGateway gateway, AccountKey account) =>
        gateway.Book.Account(account, new AccountRules(PartitionOf(account), _lostControl[Array.IndexOf(_accounts, account)]));

    private IEnumerable<AccountKey> Accounts(int partition) => _accounts.Where(account => PartitionOf(account) == partition);

    private int PartitionOf(AccountKey account) => Array.IndexOf(_accounts, account) % Partitions;

    private long Clock(int partition) => _world.Now + _clockAhead[partition];

    private void Tell(string what, int about)
    {
        foreach (var letter in what)
            Fingerprint = (Fingerprint ^ letter) * 1_099_511_628_211;
        Fingerprint = (Fingerprint ^ (uint)about ^ (ulong)_world.Now ^ ((ulong)Served << 32)) * 1_099_511_628_211;
        _trace.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{(_world.Now - SimWorld.Start) / 1000} ms: {what} {about}"));
        if (_trace.Count > TraceLength)
            _trace.Dequeue();
    }
}
