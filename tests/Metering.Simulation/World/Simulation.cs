using System.Globalization;
using Metering.Core.Pricing;
using Metering.Pipeline.Meter;
using Metering.Simulation.Kafka;
using Metering.Simulation.Ledger;
using Metering.Simulation.Meter;
using Metering.Simulation.Sink;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Metering.Simulation.World;

/// <summary>
/// One history, drawn from a seed: sources, METER and SINK under a Kafka and a ClickHouse of virtual time that fence, abort,
/// delay, lose, double and forget as the real ones may. One thread and no clock: the same seed gives the same history.
/// </summary>
internal sealed class Simulation
{
    private const int Partitions = 2;
    private const int TraceLength = 60;

    /// <summary>Short, so that verdicts fall among the crashes.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private static readonly DateTimeOffset Start = new(2026, 11, 10, 12, 0, 0, TimeSpan.Zero);

    private readonly Random _random;
    private readonly FakeTimeProvider _time = new(Start);
    private readonly SimKafka _kafka;
    private readonly Flights _flights;
    private readonly SimLedger _ledger;
    private readonly Traffic _traffic;
    private readonly Invariants _invariants;
    private readonly MeterContext _context;
    private readonly SimMeter?[] _meters = new SimMeter?[Partitions];
    private readonly SimSink?[] _sinks = new SimSink?[Partitions];
    private readonly List<SimMeter> _oldMeters = []; // replaced, but still running: zombies
    private readonly List<SimSink> _oldSinks = [];
    private readonly Queue<string> _trace = [];

    private Simulation(int seed)
    {
        _random = new Random(seed);
        _kafka = new SimKafka(Partitions, _time);
        _flights = new Flights(_random);
        _ledger = new SimLedger(_flights, _random) { FaultPercent = _random.Next(4) * 10 };
        _context = Context();
        _traffic = new Traffic(_kafka, Partitions, _random, _context.Reports);
        _invariants = new Invariants(_kafka, _ledger, _traffic);
    }

    /// <summary>Hash of all that happened: the same seed gives the same.</summary>
    public ulong Fingerprint { get; private set; } = 14_695_981_039_346_656_037;

    public long Steps { get; private set; }

    /// <exception cref="SimulationFailedException">An invariant does not hold; it names the seed and the last steps.</exception>
    public static Simulation Run(int seed, int steps)
    {
        var simulation = new Simulation(seed);
        try
        {
            for (var i = 0; i < steps; i++)
                simulation.Step();
            simulation.Heal();
            for (var i = 0; i < 6; i++)
            {
                simulation.Pass(1_100); // accounts are reported once a second, and what is missing is lost after the grace time
                simulation.Heal();
            }
            simulation._invariants.AtTheEnd(simulation.Context());
            return simulation;
        }
        catch (Exception error)
        {
            throw new SimulationFailedException(seed, string.Create(CultureInfo.InvariantCulture, $"--steps {steps}"), simulation.Steps, error, simulation._trace);
        }
    }

    private void Step()
    {
        var partition = _random.Next(Partitions);
        switch (_random.Next(100))
        {
            case < 22:
                Tell("send", partition);
                for (var i = _random.Next(1, 6); i > 0; i--)
                    _traffic.Send();
                break;
            case < 25:
                Tell("report", partition);
                _traffic.Report();
                break;
            case < 38:
                Meter(partition, _random.Next(1, 12));
                break;
            case < 58:
                for (var i = _random.Next(1, 8); i > 0; i--)
                    StepCommit(partition);
                break;
            case < 82:
                Sink(partition);
                break;
            case < 92:
                Pass(_random.Next(20) == 0 ? 11_000 : _random.Next(1, 400));
                break;
            case < 94:
                Crash(partition);
                break;
            case < 96:
                TakeOver(partition);
                break;
            default:
                RunOld();
                break;
        }
    }

    /// <summary>The faults end; everything must come to rest, or something is stuck.</summary>
    private void Heal()
    {
        _ledger.FaultPercent = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var isIdle = !_flights.Any;
            for (var partition = 0; partition < Partitions; partition++)
            {
                Meter(partition, 50);
                StepCommit(partition);
                Sink(partition);
                isIdle &= _meters[partition] is { IsIdle: true } && _sinks[partition] is { IsIdle: true };
            }
            if (isIdle)
                return;
            Pass(50);
        }
        throw new Violation("R21 it does not come to rest: something is stuck");
    }

    private void Meter(int partition, int records)
    {
        _meters[partition] ??= NewMeter(partition);
        Tell("meter", records);
        _meters[partition]!.Process(records);
    }

    private void StepCommit(int partition)
    {
        if (_meters[partition] is not { } meter)
            return;
        Tell("commit", partition);
        try
        {
            var isLast = meter.StepCommit();
            // R11: the answer to a commit may be lost, whether it was done or not; memory is not trusted after it.
            if (_random.Next(30) == 0 && _ledger.FaultPercent > 0)
            {
                Tell("lost", partition);
                if (isLast && _random.Next(2) == 0)
                    meter.StepCommit();
                _meters[partition] = null;
            }
        }
        catch (SimFencedException)
        {
            Tell("fenced", partition);
            _meters[partition] = null;
        }
    }

    private void Sink(int partition)
    {
        var sink = _sinks[partition] ??= NewSink(partition);
        if (sink.IsOver)
        {
            _sinks[partition] = null;
            return;
        }
        switch (_random.Next(3))
        {
            case 0:
                Tell("fetch", partition);
                sink.Fetch(_random.Next(1, 6));
                break;
            case 1 when _flights.Any:
                Tell("land", partition);
                _flights.LandOne();
                break;
            default:
                RunSink(sink);
                break;
        }
    }

    private void RunSink(SimSink sink)
    {
        for (var i = _random.Next(1, 8); i > 0 && sink is { IsReady: true, IsOver: false }; i--)
        {
            Tell("sink", sink.Partition);
            sink.RunOne();
        }
    }

    private void Pass(int milliseconds)
    {
        Tell("pass", milliseconds);
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
        _kafka.TimeOut();
    }

    /// <summary>kill -9: what it had in memory is gone, what it had sent may still arrive.</summary>
    private void Crash(int partition)
    {
        if (_random.Next(2) == 0)
        {
            Tell("kill meter", partition);
            _meters[partition] = null;
        }
        else
        {
            Tell("kill sink", partition);
            _sinks[partition] = null;
        }
    }

    /// <summary>Another process takes the partition; the one that had it does not know, and goes on (R8, R20).</summary>
    private void TakeOver(int partition)
    {
        if (_random.Next(2) == 0 && _meters[partition] is { } meter)
        {
            Tell("take meter", partition);
            _oldMeters.Add(meter);
            _meters[partition] = NewMeter(partition);
        }
        else if (_sinks[partition] is { IsOver: false } sink)
        {
            Tell("take sink", partition);
            _oldSinks.Add(sink);
            _sinks[partition] = NewSink(partition);
        }
    }

    private void RunOld()
    {
        if (_oldMeters.Count > 0 && _random.Next(2) == 0)
        {
            var meter = _oldMeters[_random.Next(_oldMeters.Count)];
            Tell("old meter", meter.Partition);
            try
            {
                meter.Process(3);
                meter.StepCommit();
            }
            catch (SimFencedException)
            {
                _oldMeters.Remove(meter);
            }
        }
        else if (_oldSinks.Count > 0)
        {
            var sink = _oldSinks[_random.Next(_oldSinks.Count)];
            Tell("old sink", sink.Partition);
            RunSink(sink);
            if (sink.IsOver)
                _oldSinks.Remove(sink);
        }
    }

    private SimMeter NewMeter(int partition) => new(_kafka, partition, _context, compacted: _random.Next(2) == 0);

    private SimSink NewSink(int partition) => new(_kafka, _flights, _ledger, partition, _time) { SinkCommitted = _invariants.OnSinkCommitted };

    private MeterContext Context()
    {
        var schemas = new SchemaBook(new OneSchema(), _time, NullLogger<SchemaBook>.Instance);
        schemas.Find(Traffic.SchemaId);
        schemas.ResolvePendingAsync(CancellationToken.None).GetAwaiter().GetResult();
        return new MeterContext
        {
            Partitions = Partitions,
            Schemas = schemas,
            DeadLetterSchemaId = 9,
            UsageDeltaSchemaId = 10,
            SignalSchemaId = 11,
            LossGrace = Grace,
            Prices = PriceBook.Create([new ModelPrices("small", "p", null, null, [new PriceEntry(0, [new PriceTier(0, 100, 300)])])]),
            NewBlockId = NewId,
        };
    }

    private Guid NewId()
    {
        Span<byte> id = stackalloc byte[16];
        _random.NextBytes(id);
        return new Guid(id);
    }

    private void Tell(string what, int about)
    {
        Steps++;
        foreach (var letter in what)
            Fingerprint = (Fingerprint ^ letter) * 1_099_511_628_211;
        Fingerprint = (Fingerprint ^ (uint)about ^ ((ulong)_kafka.Blocks[0].End << 20) ^ ((ulong)_kafka.Blocks[1].LastStable << 40)) * 1_099_511_628_211;
        _trace.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{Steps} +{(_time.GetUtcNow() - Start).TotalMilliseconds} ms: {what} {about}"));
        if (_trace.Count > TraceLength)
            _trace.Dequeue();
    }

    private sealed class OneSchema : ISchemaSource
    {
        public Task<string?> FindAsync(int schemaId, CancellationToken cancellationToken) => Task.FromResult<string?>(schemaId == Traffic.SchemaId ? Metering.Events.TokenEvent.SchemaJson : null);
    }
}

/// <summary>A seed whose history breaks an invariant.</summary>
internal sealed class SimulationFailedException(int seed, string options, long step, Exception inner, IEnumerable<string> trace)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, step {step}: {inner.Message}\n{string.Join('\n', trace)}\n(again: ./metering simulate --seed {seed} --seeds 1 {options})"), inner)
{
    public int Seed { get; } = seed;
}
