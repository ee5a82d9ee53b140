using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Metering.Client.Spool;

/// <summary>
/// The epochs of this source that still have something to say, oldest first, in <c>epochs.json</c>. It is written durably
/// before an epoch's first event (R1), and lazily afterwards: what it lacks after a crash is read back from the segments.
/// </summary>
internal sealed class EpochBook
{
    private readonly string _path;
    private readonly Lock _gate = new();
    private readonly List<EpochAccount> _accounts;

    private EpochBook(string path, List<EpochAccount> accounts)
    {
        _path = path;
        _accounts = accounts;
    }

    /// <exception cref="InvalidDataException">The file is not what was written.</exception>
    public static EpochBook Open(string folder)
    {
        var path = Path.Combine(folder, "epochs.json");
        if (!File.Exists(path))
            return new EpochBook(path, []);
        try
        {
            var saved = JsonSerializer.Deserialize(File.ReadAllBytes(path), EpochBookJson.Default.FiguresArray) ?? [];
            return new EpochBook(path, [.. saved.Select(EpochAccount.From)]);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged ({e.Message}): move it away; the accounts are then read back from the segments, without those of epochs that have none", e);
        }
    }

    public EpochAccount[] Accounts
    {
        get
        {
            lock (_gate)
                return [.. _accounts];
        }
    }

    public EpochAccount? Find(long epoch)
    {
        lock (_gate)
            return _accounts.Find(a => a.Epoch == epoch);
    }

    /// <summary>The epoch's account, made where it is missing; the newest stands last.</summary>
    public EpochAccount Begin(long epoch)
    {
        lock (_gate)
        {
            var account = _accounts.Find(a => a.Epoch == epoch) ?? new EpochAccount(epoch);
            _accounts.Remove(account);
            _accounts.Add(account);
            account.Begin();
            return account;
        }
    }

    public void Forget(EpochAccount account)
    {
        lock (_gate)
            _accounts.Remove(account);
    }

    public void Save()
    {
        lock (_gate)
            DurableFile.Replace(_path, JsonSerializer.SerializeToUtf8Bytes([.. _accounts.Select(a => a.Read())], EpochBookJson.Default.FiguresArray));
    }

    /// <summary>A new epoch: milliseconds above, 21 random bits below, 63 in all, and none that this book knows.</summary>
    public long NewEpoch(TimeProvider clock)
    {
        while (true)
        {
            var epoch = ((clock.GetUtcNow().ToUnixTimeMilliseconds() << 21) | (uint)RandomNumberGenerator.GetInt32(1 << 21)) & long.MaxValue;
            if (epoch > 0 && Find(epoch) is null)
                return epoch;
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(EpochAccount.Figures[]))]
internal sealed partial class EpochBookJson : JsonSerializerContext;
