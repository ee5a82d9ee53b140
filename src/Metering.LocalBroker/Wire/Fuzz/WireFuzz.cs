using System.Buffers;
using System.IO.Pipelines;
using Metering.LocalBroker.Storage;

namespace Metering.LocalBroker.Wire.Fuzz;

/// <param name="Answered">Cases that got a reply.</param>
/// <param name="Refused">Cases whose connection would have been closed.</param>
/// <param name="GrownBytes">By how much the managed heap grew from the first tenth to the end.</param>
public readonly record struct WireFuzzResult(long Cases, long Answered, long Refused, long GrownBytes);

/// <summary>
/// Hostile requests, by a seed: valid frames of every call and version, spoiled ones, and bytes at random, through the same code as a
/// connection's but without sockets. Each must be answered or refused, within 10 s, and nothing may grow.
/// </summary>
public static class WireFuzz
{
    private const long MaxGrownBytes = 64 * 1024 * 1024;
    private const long CasesPerStore = 50_000;

    private static readonly TimeSpan HangAfter = TimeSpan.FromSeconds(10);

    /// <summary>Against a broker's rooms on a disk; a fresh directory below <paramref name="directory"/> every 50,000 cases.</summary>
    /// <exception cref="WireFuzzException">A case failed; it names the seed and the case that reproduce it.</exception>
    public static async Task<WireFuzzResult> RunAsync(int seed, long cases, string directory, CancellationToken cancellationToken)
    {
        var total = default(WireFuzzResult);
        long firstHeap = 0;
        for (long start = 0; start < cases; start += CasesPerStore)
        {
            var options = new LocalBrokerOptions
            {
                Directory = Path.Combine(directory, FormattableString.Invariant($"fuzz-{start}")),
                Port = 0,
                Durability = Durability.Process,
            };
            await using (var store = await BrokerStore.OpenAsync(options))
            {
                var part = await RunAsync(() => store.State, options, seed, start, Math.Min(CasesPerStore, cases - start), cancellationToken);
                total = new(total.Cases + part.Cases, total.Answered + part.Answered, total.Refused + part.Refused, 0);
            }
            System.IO.Directory.Delete(options.Directory, recursive: true);
            var heap = GC.GetTotalMemory(forceFullCollection: true);
            firstHeap = firstHeap == 0 ? heap : firstHeap;
            total = total with { GrownBytes = heap - firstHeap };
            CheckGrowth(seed, start + CasesPerStore, total.GrownBytes);
        }
        return total;
    }

    /// <param name="state">The rooms, or null: then every call answers that the disk fails.</param>
    internal static async Task<WireFuzzResult> RunAsync(
        Func<BrokerState?> state, LocalBrokerOptions options, int seed, long firstCase, long cases, CancellationToken cancellationToken)
    {
        var run = new Run(state, options, seed, firstCase, cases);
        var running = Task.Run(() => run.AllAsync(cancellationToken), cancellationToken);
        for (long seen = -1; !running.IsCompleted; seen = run.Current)
        {
            if (seen == run.Current)
                throw new WireFuzzException(seed, seen, $"no answer within {HangAfter}", null);
            await Task.WhenAny(running, Task.Delay(HangAfter, CancellationToken.None));
        }
        var result = await running;
        return result;
    }

    private static void CheckGrowth(int seed, long after, long grownBytes)
    {
        if (grownBytes > MaxGrownBytes)
            throw new WireFuzzException(seed, after, $"the heap grew by {grownBytes} bytes", null);
    }

    private sealed class Run(Func<BrokerState?> state, LocalBrokerOptions options, int seed, long firstCase, long cases)
    {
        private readonly long _firstCase = firstCase;
        private long _current = firstCase;
        private long _answered;
        private long _refused;

        public long Current => Volatile.Read(ref _current);

        public async Task<WireFuzzResult> AllAsync(CancellationToken cancellationToken)
        {
            long firstHeap = 0;
            for (; _current < _firstCase + cases; Interlocked.Increment(ref _current))
            {
                cancellationToken.ThrowIfCancellationRequested();
                try
                {
                    await OneAsync(new Random(HashCode(seed, _current)));
                }
                catch (Exception refused) when (refused is MalformedRequestException or OperationCanceledException)
                {
                    _refused++;
                }
                catch (Exception defect)
                {
                    throw new WireFuzzException(seed, _current, defect.Message, defect);
                }
                if (_current - _firstCase == cases / 10)
                    firstHeap = GC.GetTotalMemory(forceFullCollection: true);
            }
            return new WireFuzzResult(cases, _answered, _refused, GC.GetTotalMemory(forceFullCollection: true) - firstHeap);
        }

        private async Task OneAsync(Random random)
        {
            var call = CallTable.Calls[random.Next(CallTable.Calls.Count)];
            var version = (short)random.Next(call.Min, call.Max + 1);
            var frame = new RequestMaker(random).Make(call, version);
            var isSpoiled = random.Next(4) != 0;
            if (isSpoiled)
                frame = Mutation.Apply(frame, random);
            if (random.Next(50) == 0)
            {
                await CutAsync(random, frame);
                return;
            }
            using var aborted = new CancellationTokenSource();
            var handling = new RequestHandler(Context(aborted.Token)).HandleAsync(frame);
            // Who waits for others is left by its client.
            if (!handling.IsCompleted)
                await aborted.CancelAsync();
            try
            {
                var reply = await handling;
                reply.Response?.Complete();
                reply.Response?.Dispose();
                _answered++;
            }
            catch (MalformedRequestException) when (!isSpoiled && call.Key is not (ApiKey.Metadata or ApiKey.SaslHandshake or ApiKey.SaslAuthenticate))
            {
                throw new InvalidOperationException($"a valid {call.Key} v{version} was refused");
            }
        }

        /// <summary>Frames out of a stream of bytes that may be anything.</summary>
        private async Task CutAsync(Random random, byte[] bytes)
        {
            var pipe = PipeReader.Create(new ReadOnlySequence<byte>(bytes));
            var frames = new FrameReader(pipe, new SaslState(options.Users));
            while (await frames.ReadAsync(CancellationToken.None) is { } frame)
            {
                using (frame)
                {
                    if (random.Next(2) == 0)
                        continue;
                    using var aborted = new CancellationTokenSource();
                    await aborted.CancelAsync();
                    var reply = await new RequestHandler(Context(aborted.Token)).HandleAsync(frame.Memory);
                    reply.Response?.Dispose();
                }
            }
            _answered++;
        }

        private CallContext Context(CancellationToken aborted) => new()
        {
            CurrentState = state,
            Options = options,
            ClusterId = "fuzz",
            Host = "127.0.0.1",
            Port = 9092,
            ClientHost = "/127.0.0.1",
            Sasl = new SaslState(options.Users),
            Aborted = aborted,
        };

        /// <summary>The same on every machine, unlike System.HashCode.</summary>
        private static int HashCode(int seed, long current) => unchecked((int)(((ulong)seed * 0x9E3779B97F4A7C15) ^ ((ulong)current * 0xC2B2AE3D27D4EB4F) >> 7));
    }
}

/// <summary>A case that was neither answered nor refused.</summary>
public sealed class WireFuzzException(int seed, long current, string message, Exception? inner)
    : Exception(FormattableString.Invariant($"fuzz broker, seed {seed}, case {current}: {message}"), inner);
